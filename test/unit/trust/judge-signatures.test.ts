import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../../src/oci/digest.ts";
import { parseReference } from "../../../src/oci/reference.ts";
import { faultOfSignatures, type StoredSignature } from "../../../src/trust/judge-signatures.ts";
import {
  newSigningKey,
  type SigningKey,
  signatureOf,
  signedPayload,
} from "../../support/signed-image.ts";

const digest = `sha256:${"a".repeat(64)}` as Digest;
const other = `sha256:${"b".repeat(64)}` as Digest;
const wanted = parseReference("registry.example/team/app:1");
const repository = "registry.example/team/app";
const key = newSigningKey();

function signed(by: SigningKey, payload: Buffer): StoredSignature {
  return { payload, signature: signatureOf(by, payload) };
}

/** Why an image is not let in by what is signed; undefined: it is. */
function judge(
  signatures: readonly StoredSignature[],
  keys: readonly string[] = [key.publicKey],
  digests: readonly Digest[] = [digest],
): string | undefined {
  return faultOfSignatures(
    {
      kind: "signed",
      keys: keys.map((text, index) => ({ name: `key ${index}`, text })),
      identity: { type: "matchRepository" },
      at: "/default/0",
    },
    wanted,
    digests,
    signatures,
  );
}

describe("an image is let in", () => {
  it("by a signature of one of the keys, for it, under its name", () => {
    const payload = signedPayload(digest, repository);
    expect(judge([signed(key, payload)])).toBeUndefined();
    const rsa = newSigningKey("rsa");
    expect(judge([signed(rsa, payload)], [key.publicKey, rsa.publicKey])).toBeUndefined();
  });

  it("by a signature of the index that led to it", () => {
    expect(judge([signed(key, signedPayload(other, repository))], undefined, [digest, other])).toBe(
      undefined,
    );
  });

  it("by one good signature among bad ones", () => {
    const payload = signedPayload(digest, repository);
    const bad = [
      signed(newSigningKey(), payload),
      signed(key, signedPayload(other, repository)),
      signed(key, Buffer.from("no JSON")),
      { payload, signature: "no base64!" },
    ];
    expect(judge([...bad, signed(key, payload)])).toBeUndefined();
    expect(judge(bad)).toBeDefined();
  });
});

describe("an image is not let in", () => {
  const payload = signedPayload(digest, repository);

  it("without a signature", () => {
    expect(judge([])).toBe("it has no signature");
  });

  it.each([
    ["by another key", signed(newSigningKey(), payload), /none of the keys/],
    [
      "of another payload",
      { ...signed(key, payload), payload: signedPayload(other, repository) },
      /none of the keys/,
    ],
    ["that is empty", { payload, signature: "" }, /none of the keys/],
    ["for another digest", signed(key, signedPayload(other, repository)), /for another image/],
    [
      "under another name",
      signed(key, signedPayload(digest, "registry.example/team/b")),
      /registry\.example\/team\/b/,
    ],
    [
      "under a name that is none",
      signed(key, signedPayload(digest, "A B\u001b[31m")),
      /does not accept/,
    ],
    ["of a text", signed(key, Buffer.from("hello")), /not JSON/],
    [
      "that says two digests",
      signed(key, Buffer.from(payload.toString().replace("{", `{"critical":{},`))),
      /stands twice/,
    ],
    [
      "of another type",
      signed(
        key,
        Buffer.from(payload.toString().replace("cosign container image signature", "atomic")),
      ),
      /critical\.type/,
    ],
    [
      "with a condition that we do not know",
      signed(key, Buffer.from(payload.toString().replace('"identity"', '"except":1,"identity"'))),
      /critical/,
    ],
  ])("by a signature %s", (_, signature, why) => {
    expect(judge([signature])).toMatch(why);
    expect(judge([signature])).toMatch(/^[\x20-\x7e…]*$/);
  });
});

describe("a key that is none", () => {
  const payload = signedPayload(digest, repository);
  const secret = key.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const ed25519 = generateKeyPairSync("ed25519");

  it.each([
    ["text", "hello", /no public key in PEM/],
    ["a private key", secret, /no public key in PEM/],
    [
      "of a kind that sigstore's verifier does not know",
      ed25519.publicKey.export({ type: "spki", format: "pem" }) as string,
      /ed25519 is not known/,
    ],
  ])("is an error and lets nothing in: %s", (_, text, why) => {
    const signature = sign(null, payload, ed25519.privateKey).toString("base64");
    const ask = () => judge([{ payload, signature }], [text]);
    expect(ask).toThrow(why);
    expect(ask).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
  });
});
