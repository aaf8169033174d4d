import * as z from "zod/mini";
import { type Digest, parseDigest } from "../oci/digest.ts";
import { parseDocument } from "../oci/document.ts";

/** Bytes; what is signed is a few lines. */
export const maxPayloadBytes = 256 * 1024;

/** What a signature vouches for. */
export interface SignedClaim {
  /** Of the manifest or index. */
  readonly digest: Digest;
  /** The name under which it was signed. */
  readonly reference: string;
}

const payloadSchema = z.object({
  critical: z.strictObject({
    type: z.literal("cosign container image signature"),
    image: z.strictObject({ "docker-manifest-digest": z.string() }),
    identity: z.strictObject({ "docker-reference": z.string() }),
  }),
});

/**
 * Reads what was signed: containers/image's simple signing, as cosign writes it.  To be called with
 * bytes whose signature has been verified.
 *
 * @throws TsmanError IMAGE_REJECTED
 */
export function parsePayload(bytes: Uint8Array): SignedClaim {
  const { critical } = parseDocument(payloadSchema, bytes, {
    what: "signed payload",
    code: "IMAGE_REJECTED",
    maxBytes: maxPayloadBytes,
  });
  return {
    digest: parseDigest(critical.image["docker-manifest-digest"], "digest of a signed payload"),
    reference: critical.identity["docker-reference"],
  };
}
