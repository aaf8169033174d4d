import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTsmanError, type TsmanError } from "../../../src/errors/index.ts";
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

async function failure(promise: unknown): Promise<TsmanError> {
  const error = await Promise.resolve(promise).then(
    () => new Error("it did not fail"),
    (thrown: unknown) => thrown,
  );
  if (isTsmanError(error)) return error;
  throw error;
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
  ])("the most specific entry for %s/%s is taken", async (registry, repository, expected) => {
    expect(await provider.findCredentials(registry, repository)).toEqual(expected);
  });

  test.each(["localhost", "localhost:5001", "evil.quay.io", "quay.io.evil", "__proto__"])(
    "there is nothing for %s",
    async (registry) => {
      expect(await provider.findCredentials(registry, "team/app")).toBeUndefined();
    },
  );

  test("an entry that cannot be read is an error for its registry, without its content", async () => {
    const error = await failure(provider.findCredentials("broken.example", "x"));
    expect(error.message).toContain("the entry for broken.example is no base64");
    expect(error.message).not.toContain("nocolon");
  });
});

test("the first file that knows the registry decides", async () => {
  const first = file({ auths: { "a.example": basic("first:1") } });
  const second = file({ auths: { "a.example": basic("second:2"), "b.example": basic("b:3") } });
  const provider = fileCredentials([join(dir, "absent.json"), first, second]);
  expect(await provider.findCredentials("a.example", "x")).toEqual(password("first", "1"));
  expect(await provider.findCredentials("b.example", "x")).toEqual(password("b", "3"));
});

test("a file that nobody named and that may not be read is told only if it is missed", async () => {
  const shut = file({ auths: { "a.example": basic("a:1") } });
  chmodSync(shut, 0);
  const provider = fileCredentials([shut, file({ auths: { "b.example": basic("b:2") } })]);
  expect(await provider.findCredentials("b.example", "x")).toEqual(password("b", "2"));
  // Root may read everything.
  if (process.geteuid?.() === 0) return;
  expect(await provider.findCredentials("a.example", "x")).toBeUndefined();
  expect(provider.explainMissing?.("a.example")).toContain(shut);
});

test("a file that is named must be there", async () => {
  const provider = openCredentials({ authFile: join(dir, "absent.json") });
  const error = await failure(provider.findCredentials("a.example", "x"));
  expect(error.message).toContain("there is no such file");
});

test("a malformed file is named, and its content is not shown", async () => {
  const path = file('{"auths":{"a.example":{"auth":"c2VjcmV0OnNlY3JldA==",}}}');
  const error = await failure(fileCredentials([path]).findCredentials("a.example", "x"));
  expect(error.code).toBe("CONFIG_INVALID");
  expect(String(error)).toContain(path);
  expect(String(error)).not.toContain("c2Vj");
});

describe("a credential helper", () => {
  const bin = join(dir, "bin");
  const secret = "hunter2-from-the-helper";
  let path: string | undefined;

  /** A helper that notes what it was told and answers this. */
  function helper(name: string, script: string): void {
    const program = join(bin, `docker-credential-${name}`);
    writeFileSync(
      program,
      `#!/bin/sh\ncat > ${bin}/${name}.input\necho "$@" > ${bin}/${name}.args\n${script}\n`,
    );
    chmodSync(program, 0o755);
  }
  const told = (name: string) => ({
    args: readFileSync(join(bin, `${name}.args`), "utf8").trim(),
    input: readFileSync(join(bin, `${name}.input`), "utf8"),
  });
  const answer = (username: string) =>
    `echo '{"ServerURL":"x","Username":"${username}","Secret":"${secret}"}'`;

  beforeAll(() => {
    mkdirSync(bin);
    path = process.env.PATH;
    process.env.PATH = `${bin}:${path}`;
  });
  afterAll(() => {
    process.env.PATH = path;
  });

  test("is asked through its input, for its registry only", async () => {
    helper("one", answer("me"));
    const provider = fileCredentials([file({ credHelpers: { "a.example": "one" } })]);
    expect(await provider.findCredentials("a.example", "x/y")).toEqual(password("me", secret));
    expect(told("one")).toEqual({ args: "get", input: "a.example" });
    expect(await provider.findCredentials("b.example", "x/y")).toBeUndefined();
  });

  test("for all registries is asked for what no entry has; Docker Hub by Docker's name", async () => {
    helper("all", answer("hub"));
    const content = { auths: { "a.example": basic("own:1") }, credsStore: "all" };
    const provider = fileCredentials([file(content)]);
    expect(await provider.findCredentials("a.example", "x")).toEqual(password("own", "1"));
    expect(await provider.findCredentials("docker.io", "x/y")).toEqual(password("hub", secret));
    expect(told("all").input).toBe("https://index.docker.io/v1/");
  });

  test("may have a token instead of a password", async () => {
    helper("token", answer("<token>"));
    const provider = fileCredentials([file({ credsStore: "token" })]);
    const expected = { kind: "identity-token", token: secret };
    expect(await provider.findCredentials("a.example", "x")).toEqual(expected);
  });

  test("that has nothing is no error", async () => {
    helper("empty", "echo credentials not found in native keychain; exit 1");
    const provider = fileCredentials([file({ credHelpers: { "a.example": "empty" } })]);
    expect(await provider.findCredentials("a.example", "x")).toBeUndefined();
  });

  test.each([
    ["fails", `echo ${secret}; echo ${secret} >&2; exit 3`],
    ["answers something else", `echo '{"Username":"me","Secret":{"is":"${secret}"}}'`],
    ["answers no JSON", `echo '${secret}'`],
  ])("that %s is an error for its registry, without what it said (S61)", async (_, script) => {
    helper("bad", script);
    const provider = fileCredentials([file({ credHelpers: { "a.example": "bad" } })]);
    const error = await failure(provider.findCredentials("a.example", "x"));
    expect(error.message).toContain("docker-credential-bad");
    expect(JSON.stringify([error.message, error.hint, error.details])).not.toContain(secret);
  });

  test("that is missing is an error for its registry, and no other is asked in its place", async () => {
    const content = {
      auths: { "a.example": basic("old:1") },
      credHelpers: { "a.example": "gone" },
    };
    const error = await failure(fileCredentials([file(content)]).findCredentials("a.example", "x"));
    expect(error.code).toBe("PREFLIGHT_HELPER");
    expect(error.message).toContain("docker-credential-gone");
  });

  test("for all registries that is missing is told only if its credentials are missed", async () => {
    const provider = fileCredentials([file({ credsStore: "desktop" })]);
    expect(await provider.findCredentials("a.example", "x")).toBeUndefined();
    expect(provider.explainMissing?.("a.example")).toContain("docker-credential-desktop");
  });

  test.each(["../../bin/sh", "sh -c id", "", "-x", "a/b", "a\u0000b", "x".repeat(100)])(
    "is not looked for under the name %j (S61)",
    async (name) => {
      const provider = fileCredentials([file({ credHelpers: { "a.example": name } })]);
      const error = await failure(provider.findCredentials("a.example", "x"));
      expect(error.code).toBe("CONFIG_INVALID");
    },
  );

  test("is not taken from a directory that PATH names relatively", async () => {
    helper("near", answer("me"));
    process.env.PATH = `.:${relative(process.cwd(), bin)}::${path}`;
    const provider = fileCredentials([file({ credHelpers: { "a.example": "near" } })]);
    const error = await failure(provider.findCredentials("a.example", "x"));
    expect(error.code).toBe("PREFLIGHT_HELPER");
    process.env.PATH = `${bin}:${path}`;
  });
});

test("--creds is split at its first colon and comes before every file", async () => {
  expect(parseCreds("user:pass:word")).toEqual(password("user", "pass:word"));
  const provider = openCredentials({ creds: "me:1", authFile: join(dir, "absent.json") });
  expect(await provider.findCredentials("a.example", "x")).toEqual(password("me", "1"));
});

test("malformed --creds are refused without being shown (S61)", () => {
  for (const text of ["hunter2", ":hunter2", ""]) {
    expect(() => parseCreds(text)).toThrow("not of the form USER:PASSWORD");
    expect(() => parseCreds(text)).not.toThrow("hunter2");
  }
});
