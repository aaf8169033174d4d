import { isTsmanError } from "../errors/index.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Requirement } from "./policy.ts";
import { parsePayload } from "./signature-payload.ts";
import { identityFits } from "./signed-identity.ts";
import { isSignedBy } from "./verify-signature.ts";

/** A signature as a repository holds it; nothing in it is believed. */
export interface StoredSignature {
  readonly payload: Uint8Array;
  /** base64 */
  readonly signature: string;
}

/**
 * Looks for a signature that is good: by one of the keys, of this image, under this name.
 *
 * @param digests the image: its manifest, and the index that names it if one led here.
 * @returns undefined if there is one, else why none is
 * @throws TsmanError CONFIG_INVALID for a key that is none
 */
export function faultOfSignatures(
  { keys, identity }: Extract<Requirement, { kind: "signed" }>,
  wanted: Reference,
  digests: readonly Digest[],
  signatures: readonly StoredSignature[],
): string | undefined {
  const faults = new Set<string>();
  for (const { payload, signature } of signatures) {
    // Before the payload is looked at: what nobody has signed can say anything.
    if (!isSignedBy(keys, payload, signature)) {
      faults.add("a signature is by none of the keys");
      continue;
    }
    try {
      const claim = parsePayload(payload);
      if (!digests.includes(claim.digest)) {
        faults.add(`a signature is for another image (${claim.digest})`);
      } else if (!identityFits(identity, wanted, claim.reference)) {
        faults.add(
          `a signature is for ${printable(claim.reference)}, which signedIdentity ${identity.type} does not accept`,
        );
      } else return undefined;
    } catch (error) {
      if (!isTsmanError(error)) throw error;
      faults.add(error.message);
    }
  }
  return faults.size === 0 ? "it has no signature" : [...faults].slice(0, 3).join("; ");
}

function printable(text: string): string {
  return JSON.stringify(text.slice(0, 120).replace(/[^\x20-\x7e]/g, "?"));
}
