import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { FaultyRegistry } from "./faulty-registry.ts";

/** A key that signs images. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  /** PEM, as cosign.pub has it. */
  readonly publicKey: string;
}

/** A new key, such as cosign generate-key-pair makes, or an RSA one. */
export function newSigningKey(type: "ec" | "rsa" = "ec"): SigningKey {
  const pair =
    type === "ec"
      ? generateKeyPairSync("ec", { namedCurve: "prime256v1" })
      : generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
  return { privateKey: pair.privateKey, publicKey };
}

/** What cosign signs: containers/image, docs/containers-signature.5.md, "critical". */
export function signedPayload(digest: string, reference: string): Buffer {
  const critical = {
    identity: { "docker-reference": reference },
    image: { "docker-manifest-digest": digest },
    type: "cosign container image signature",
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/** The signature of a payload, base64. */
export function signatureOf(key: SigningKey, payload: Uint8Array): string {
  return sign("sha256", payload, key.privateKey).toString("base64");
}

/** Puts signatures where cosign puts those of a digest. */
export function addSignatures(
  registry: FaultyRegistry,
  name: string,
  digest: string,
  signatures: readonly { readonly payload: Buffer; readonly signature: string }[],
): void {
  const config = registry.addBlob("{}");
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
    layers: signatures.map(({ payload, signature }) => ({
      mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      digest: registry.addBlob(payload),
      size: payload.length,
      annotations: { "dev.cosignproject.cosign/signature": signature },
    })),
  };
  const tag = `${digest.replace(":", "-")}.sig`;
  registry.addManifest(name, tag, manifest.mediaType, JSON.stringify(manifest));
}

/** Signs a digest under a name, and puts the signature into the registry. */
export function signImage(
  registry: FaultyRegistry,
  name: string,
  digest: string,
  key: SigningKey,
  reference = `${registry.host}/${name}`,
): void {
  const payload = signedPayload(digest, reference);
  addSignatures(registry, name, digest, [{ payload, signature: signatureOf(key, payload) }]);
}
