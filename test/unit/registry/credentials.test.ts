import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { fileCredentials, openCredentials, parseCreds } from "../../../src/registry/credentials.ts";

const dir = mkdtempSync(join(tmpdir(), "tsman-credentials-"));
afterAll(() => {
  rmSync(dir, { recursive: true });
});

let count = 0;
/** A file with this content. */
function file(content: unknown): string {
  count += 1;
  const path = join(dir, `${count}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const basic = (text: string) => ({ auth: Buffer.from(text).toString("base64") });
const password = (username: string, secret: string) => ({
  kind: "password",
  username,
  password: secret,
});

describe("auth.json", () => {
  const auths = {
    "quay.io": basic("host:1"),
    "quay.io/team": basic("team:2"),
    "quay.io/team/app": basic("app:3:with:colons"),
    "https://index.docker.io/v1/": basic("hub:4"),
    "localhost:5000": { username: "u", password: "p" },
    "token.example": { identitytoken: "refresh" },
    "direct.example": { registrytoken: "bearer" },
    "broken.example": { auth: Buffer.from("nocolon").toString("base64") },
  };
  const provider = fileCredentials([file({ auths })]);

  test.each([
    ["quay.io", "other/app", password("host", "1")],
    ["quay.io", "team/other", password("team", "2")],
    ["quay.io", "team/app", password("app", "3:with:colons")],
    ["quay.io", "teamwork/app", password("host", "1")],
    ["docker.io", "library/alpine", password("hub", "4")],
    ["localhost:5000", "x", password("u", "p")],
    ["token.example", "x", { kind: "identity-token", token: "refresh" }],
    ["direct.example", "x", { kind: "registry-token", token: "bearer" }],
  ])("the most specific entry for %s/%s is taken", (registry, repository, expected) => {
    expect(provider.findCredentials(registry, repository)).toEqual(expected);
  });

  test.each(["localhost", "localhost:5001", "evil.quay.io", "quay.io.evil", "__proto__"])(
    "there is nothing for %s",
    (registry) => {
      expect(provider.findCredentials(registry, "team/app")).toBeUndefined();
    },
  );

  test("an entry that cannot be read is an error for its registry, without its content", () => {
    const error = () => provider.findCredentials("broken.example", "x");
    expect(error).toThrow("the entry for broken.example is no base64");
    expect(error).not.toThrow("nocolon");
  });
});

test("the first file that knows the registry decides", () => {
  const first = file({ auths: { "a.example": basic("first:1") } });
  const second = file({ auths: { "a.example": basic("second:2"), "b.example": basic("b:3") } });
  const provider = fileCredentials([join(dir, "absent.json"), first, second]);
  expect(provider.findCredentials("a.example", "x")).toEqual(password("first", "1"));
  expect(provider.findCredentials("b.example", "x")).toEqual(password("b", "3"));
});

test("a file that is named must be there", () => {
  const provider = openCredentials({ authFile: join(dir, "absent.json") });
  expect(() => provider.findCredentials("a.example", "x")).toThrow("there is no such file");
});

test("a malformed file is named, and its content is not shown", () => {
  const path = file('{"auths":{"a.example":{"auth":"c2VjcmV0OnNlY3JldA==",}}}');
  try {
    fileCredentials([path]).findCredentials("a.example", "x");
  } catch (error) {
    expect(isTsmanError(error, "CONFIG_INVALID")).toBe(true);
    expect(String(error)).toContain(path);
    expect(String(error)).not.toContain("c2Vj");
    return;
  }
  throw new Error("the file was taken");
});

test("a credential helper that is configured is named when credentials are missing", () => {
  const helpers = fileCredentials([file({ credHelpers: { "a.example": "secretservice" } })]);
  expect(helpers.explainMissing?.("a.example")).toContain("credential helper secretservice");
  expect(helpers.explainMissing?.("b.example")).toBeUndefined();
  const hostile = fileCredentials([file({ credsStore: "../../bin/sh -c x" })]);
  expect(hostile.explainMissing?.("a.example")).toBeUndefined();
});

test("--creds is split at its first colon and comes before every file", () => {
  expect(parseCreds("user:pass:word")).toEqual(password("user", "pass:word"));
  const provider = openCredentials({ creds: "me:1", authFile: join(dir, "absent.json") });
  expect(provider.findCredentials("a.example", "x")).toEqual(password("me", "1"));
});

test("malformed --creds are refused without being shown (S61)", () => {
  for (const text of ["hunter2", ":hunter2", ""]) {
    expect(() => parseCreds(text)).toThrow("not of the form USER:PASSWORD");
    expect(() => parseCreds(text)).not.toThrow("hunter2");
  }
});
