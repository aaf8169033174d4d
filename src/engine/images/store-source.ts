import { TsmanError } from "../../errors/index.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { maxManifestBytes } from "../../oci/manifest.ts";
import { sourceManifest } from "../../oci/source-manifest.ts";
import type { ImageSource, SourceManifest } from "../../oci/transfer.ts";
import { verifiedBytes } from "../../oci/verified-bytes.ts";
import { isErrno } from "../../platform/errno.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";
import { originClient } from "./origin-client.ts";
import { streamOf } from "./sink-stream.ts";

/**
 * An image of the store as a place to copy from.  Blobs that the store does not keep come from
 * where the image came.  The store's content should be locked, shared, as long as it is read.
 *
 * @param name as messages name it
 * @param options how its registry is reached
 */
export function storeSource(
  context: EngineContext,
  image: ImageRecord,
  name: string,
  options: PullOptions,
): ImageSource {
  const { blobs } = context.store;
  const origin = originClient(context, image, options);
  return {
    name,
    readManifest: async (digest = image.manifestDigest) =>
      readStoredManifest(context, name, digest),
    readBlob: (descriptor, signal) => {
      if (blobs.has(descriptor.digest)) {
        const file = blobs.read(descriptor.digest);
        return verifiedBytes(file, descriptor, `read blob of ${name}`);
      }
      if (origin === undefined) throw lost(name, descriptor.digest);
      return streamOf((sink, inner) => origin.downloadBlob(descriptor, { sink, signal: inner }), {
        signal,
      });
    },
    [Symbol.asyncDispose]: async () => await origin?.[Symbol.asyncDispose](),
  };
}

/**
 * A manifest or index that is in the store.
 *
 * @throws TsmanError DIGEST_MISMATCH, IMAGE_NOT_FOUND when it was lost
 */
export function readStoredManifest(
  context: EngineContext,
  name: string,
  digest: Digest,
): SourceManifest {
  try {
    const bytes = context.store.blobs.readVerified(digest, maxManifestBytes);
    return sourceManifest(bytes, { digest }, name);
  } catch (error) {
    throw isErrno(error, "ENOENT") ? lost(name, digest) : error;
  }
}

function lost(name: string, digest: Descriptor["digest"]): TsmanError {
  return new TsmanError("IMAGE_NOT_FOUND", `read ${name}: the store has lost blob ${digest}`, {
    hint: "get the image again, or see what else is wrong: tsman system check",
    details: { digest },
  });
}
