import { isTsmanError, TsmanError } from "../errors/index.ts";
import { isDigest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-types.ts";
import type { SourceManifest } from "../oci/transfer.ts";
import { checkedReference, named } from "./manifests.ts";
import type { Session } from "./session.ts";

/**
 * Gives a manifest or index, whose blobs and manifests the repository has, a tag; or stores it by
 * its digest alone.
 *
 * @throws TsmanError REGISTRY_*
 */
export async function pushManifest(
  session: Session,
  reference: string,
  { bytes, mediaType, digest }: SourceManifest,
): Promise<void> {
  const what = `send manifest ${named(session, reference)}`;
  if (isDigest(reference) && reference !== digest) {
    throw new TsmanError("DIGEST_MISMATCH", `${what}: what is sent has digest ${digest}`, {
      hint: "push to a tag: a digest names the unchanged image only",
      details: { expected: reference, actual: digest },
    });
  }
  await session.repeat(what, reference, async () => {
    try {
      const response = await session.request({
        method: "PUT",
        path: `manifests/${checkedReference(reference)}`,
        headers: { "content-type": mediaType },
        body: () => bytes,
        expect: [201, 200, 202],
        what,
      });
      await response.discard();
    } catch (error) {
      throw withFormatHint(error, mediaType);
    }
  });
}

/** Old registries know one of the two formats only. */
function withFormatHint(error: unknown, mediaType: string): unknown {
  if (!isTsmanError(error, "REGISTRY_RESPONSE")) return error;
  const status = error.details.status;
  if (status !== 400 && status !== 415) return error;
  const other = mediaType.includes(".oci.") ? "v2s2" : "oci";
  return new TsmanError("REGISTRY_RESPONSE", error.message, {
    ...(isManifestType(mediaType) && {
      hint: `if the registry does not know this format, try the other one: --format ${other}`,
    }),
    details: error.details,
    cause: error,
  });
}
