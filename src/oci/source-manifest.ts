import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, sha256Digest } from "./digest.ts";
import { parseDocument } from "./document.ts";
import { maxManifestBytes } from "./manifest.ts";
import { mediaTypes } from "./media-types.ts";
import type { SourceManifest } from "./transfer.ts";

const shapeSchema = z.object({
  mediaType: z.nullish(z.string()),
  manifests: z.optional(z.unknown()),
});

/**
 * A manifest or index that was read from a file, where nothing says what it is but itself: OCI's may
 * leave its media type out.
 *
 * @param expected what led to it; missing: its name only
 * @param place for messages
 * @throws TsmanError DIGEST_MISMATCH, MANIFEST_INVALID
 */
export function sourceManifest(
  bytes: Buffer,
  expected: ({ readonly digest: Digest } & Partial<Pick<Descriptor, "mediaType">>) | undefined,
  place: string,
): SourceManifest {
  const digest = sha256Digest(bytes);
  if (expected !== undefined && digest !== expected.digest) {
    throw new TsmanError(
      "DIGEST_MISMATCH",
      `read manifest ${expected.digest} of ${place}: its bytes have digest ${digest}`,
      {
        hint: "it was damaged or changed there: get the image anew",
        details: { expected: expected.digest, actual: digest },
      },
    );
  }
  if (expected?.mediaType !== undefined) return { bytes, mediaType: expected.mediaType, digest };
  const shape = parseDocument(shapeSchema, bytes, {
    what: `manifest of ${place}`,
    code: "MANIFEST_INVALID",
    maxBytes: maxManifestBytes,
  });
  const guess = shape.manifests === undefined ? mediaTypes.ociManifest : mediaTypes.ociIndex;
  return { bytes, mediaType: shape.mediaType ?? guess, digest };
}
