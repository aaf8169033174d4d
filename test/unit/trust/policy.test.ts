import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseReference } from "../../../src/oci/reference.ts";
import { readFirstPolicy, readPolicy, requirementsFor } from "../../../src/trust/policy.ts";
import { pathScopes, registryScopes } from "../../../src/trust/scopes.ts";

const accept = { type: "insecureAcceptAnything" };
const reject = { type: "reject" };
let base: string;

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "tsman-policy-"));
});

afterEach(() => {
  rmSync(base, { recursive: true });
});

function read(policy: unknown) {
  const file = path.join(base, "policy.json");
  writeFileSync(file, typeof policy === "string" ? policy : JSON.stringify(policy));
  return readPolicy(file);
}

/** What a policy asks of a name: the kinds of its requirements. */
function kinds(policy: unknown, transport: string, scopes: readonly string[]): string[] {
  const parsed = read(policy);
  if (parsed === undefined) throw new Error("there is no policy");
  return requirementsFor(parsed, transport, scopes).map(({ kind }) => kind);
}

describe("the narrowest scope counts", () => {
  const docker = {
    "": [{ type: "signedBy", keyType: "GPGKeys", keyPath: "/x" }],
    "registry.example": [reject],
    "registry.example/team": [accept],
    "registry.example/team/app:1": [reject, accept],
    "*.wild.example": [accept],
  };
  const policy = {
    default: [reject, reject],
    transports: { docker, oci: { "/images": [accept] } },
  };
  const of = (name: string) => kinds(policy, "docker", registryScopes(parseReference(name)));

  it.each([
    ["registry.example/a", ["reject"]],
    ["registry.example/team/b", ["accept"]],
    ["registry.example/team/app:2", ["accept"]],
    ["registry.example/team/app:1", ["reject", "accept"]],
    ["registry.example/teams/app", ["reject"]],
    ["registry.example:5000/team/app", ["unknown"]],
    ["a.b.wild.example/x", ["accept"]],
    ["wild.example/x", ["unknown"]],
    ["alpine", ["unknown"]],
  ])("of %s", (name, expected) => {
    expect(of(name)).toEqual(expected);
  });

  it("of paths", () => {
    const at = (file: string) => kinds(policy, "oci", pathScopes(file));
    expect(at("/images/a/b")).toEqual(["accept"]);
    expect(at("/images")).toEqual(["accept"]);
    expect(at("/images2")).toEqual(["reject", "reject"]);
    expect(kinds(policy, "docker-archive", pathScopes("/images/a"))).toEqual(["reject", "reject"]);
  });
});

describe("a signature that is asked for", () => {
  it("is by keys of files, beside the policy too, or in it", () => {
    mkdirSync(path.join(base, "keys"));
    writeFileSync(path.join(base, "keys/a.pub"), "A");
    const parsed = read({
      default: [
        {
          type: "sigstoreSigned",
          keyPaths: ["keys/a.pub"],
          keyData: Buffer.from("B").toString("base64"),
          signedIdentity: { type: "matchRepository" },
        },
      ],
    });
    expect(parsed?.fallback).toEqual([
      {
        kind: "signed",
        keys: [
          { name: path.join(base, "keys/a.pub"), text: "A" },
          { name: expect.stringContaining("keyData 1"), text: "B" },
        ],
        identity: { type: "matchRepository" },
        at: "/default/0",
      },
    ]);
  });

  it.each(["fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyDatas"])(
    "with %s is one that nobody can give, rather than a weaker one",
    (name) => {
      const signed = { type: "sigstoreSigned", keyData: "QQ==", [name]: {} };
      expect(kinds({ default: [signed] }, "docker", [])).toEqual(["unknown"]);
    },
  );
});

it("a requirement says where it stands, as a JSON pointer", () => {
  const docker = { "r.example/a~b": [accept, { type: "signedBaseLayer", baseLayerIdentity: {} }] };
  const parsed = read({ default: [reject], transports: { docker } });
  if (parsed === undefined) throw new Error("there is no policy");
  const at = (...scopes: string[]) =>
    requirementsFor(parsed, "docker", scopes).map(({ kind, at: pointer }) => [kind, pointer]);
  expect(at("r.example/a~b")).toEqual([
    ["accept", "/transports/docker/r.example~1a~0b/0"],
    ["unknown", "/transports/docker/r.example~1a~0b/1"],
  ]);
  expect(at("elsewhere")).toEqual([["reject", "/default/0"]]);
});

it("of several policies the first counts, alone, also when it is wrong", () => {
  const files = ["none.json", "policy.json", "other.json"].map((name) => path.join(base, name));
  writeFileSync(path.join(base, "other.json"), JSON.stringify({ default: [accept] }));
  expect(readFirstPolicy(files)?.file).toBe(files[2]);
  read({ default: [reject] });
  expect(readFirstPolicy(files)?.file).toBe(files[1]);
  writeFileSync(path.join(base, "policy.json"), "{");
  expect(() => readFirstPolicy(files)).toThrow(/not JSON/);
  expect(readFirstPolicy(files.slice(0, 1))).toBeUndefined();
});

describe("a policy that is wrong", () => {
  it.each([
    ["no JSON", "{", /not JSON/],
    ["without a default", { transports: {} }, /default/],
    ["with an empty list, which would let everything in", { default: [] }, /should not be empty/],
    ["with a requirement that is none", { default: [{ type: "accept" }] }, /default\.0/],
    ["with a misspelt member", { default: [{ type: "reject", keypath: "/x" }] }, /default\.0/],
    ["with a member twice", '{"default":[{"type":"reject"}],"default":[]}', /stands twice/],
    ["without a key", { default: [{ type: "sigstoreSigned" }] }, /without a key/],
    [
      "with a key that is not there",
      { default: [{ type: "sigstoreSigned", keyPath: "/nowhere.pub" }] },
      /there is no key \/nowhere\.pub/,
    ],
    [
      "with an identity that is none",
      { default: [{ type: "sigstoreSigned", keyData: "QQ==", signedIdentity: { type: "any" } }] },
      /signedIdentity/,
    ],
  ])("lets nothing in: %s", (_, policy, why) => {
    expect(() => read(policy)).toThrow(why);
    expect(() => read(policy)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });

  it("is one that cannot be read, or a link that leads nowhere; none at all is none", () => {
    expect(readPolicy(path.join(base, "none.json"))).toBeUndefined();
    const link = path.join(base, "policy.json");
    symlinkSync("nowhere", link);
    expect(() => readPolicy(link)).toThrow(/policy\.json/);
    expect(() => readPolicy(base)).toThrow(/not a readable file/);
  });
});
