import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { type SignedEntity, toSignedEntity, VerificationError, Verifier } from "@sigstore/verify";
import { TsmanError } from "../errors/index.ts";
import type { PublicKeyText } from "./policy.ts";

/** sigstore's HashAlgorithm.SHA2_256. */
const sha256 = 1;

/**
 * Whether one of the keys has signed these bytes, by sigstore's own verifier.  Keys alone are asked:
 * no certificate, and no transparency log.
 *
 * @param signature base64, as in the annotation dev.cosignproject.cosign/signature
 * @throws TsmanError CONFIG_INVALID for a key that is none
 */
export function isSignedBy(
  keys: readonly PublicKeyText[],
  payload: Uint8Array,
  signature: string,
): boolean {
  return keys.some((key) => {
    const publicKey = readPublicKey(key);
    const verifier = new Verifier(
      {
        certificateAuthorities: [],
        timestampAuthorities: [],
        tlogs: [],
        ctlogs: [],
        publicKey: () => ({ publicKey, validFor: () => true }),
      },
      { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 },
    );
    try {
      verifier.verify(entityOf(payload, signature));
      return true;
    } catch (error) {
      if (error instanceof VerificationError) return false;
      throw error;
    }
  });
}

function entityOf(payload: Uint8Array, signature: string): SignedEntity {
  const bundle = {
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    content: {
      $case: "messageSignature",
      messageSignature: {
        messageDigest: {
          algorithm: sha256,
          digest: createHash("sha256").update(payload).digest(),
        },
        signature: Buffer.from(signature, "base64"),
      },
    },
    verificationMaterial: {
      content: { $case: "publicKey", publicKey: { hint: "" } },
      tlogEntries: [],
      timestampVerificationData: undefined,
    },
  };
  return toSignedEntity(
    bundle as unknown as Parameters<typeof toSignedEntity>[0],
    Buffer.from(payload),
  );
}

function readPublicKey({ name, text }: PublicKeyText): KeyObject {
  let key: KeyObject | undefined;
  try {
    // A private key would give its public one: it does not belong there.
    key = text.includes("PRIVATE KEY") ? undefined : createPublicKey(text);
  } catch {
    // Said below, without quoting what may be a secret.
  }
  if (key !== undefined && (key.asymmetricKeyType === "ec" || key.asymmetricKeyType === "rsa")) {
    return key;
  }
  const why =
    key === undefined ? "it is no public key in PEM" : `${key.asymmetricKeyType} is not known`;
  throw new TsmanError("CONFIG_INVALID", `read key ${name}: ${why}`, {
    hint: "an ECDSA or RSA key, as cosign generate-key-pair writes it to cosign.pub",
  });
}
