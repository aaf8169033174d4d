import type { ImageSource } from "../../oci/transfer.ts";
import type { ImageLayer } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";

/**
 * Stores the blobs of layers that the store lacks: for an image that says of no registry that it has
 * them, so that they cannot be fetched later.
 */
export async function keepBlobs(
  { store }: Pick<EngineContext, "store">,
  layers: readonly ImageLayer[],
  source: Pick<ImageSource, "readBlob">,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { blob: digest, size, mediaType } of layers) {
    await using _blob = await store.blobs.lock(digest, { signal });
    if (store.blobs.has(digest)) continue;
    await store.blobs.write(source.readBlob({ digest, size, mediaType }, signal));
  }
}
