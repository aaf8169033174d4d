import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";

/** Removes the layers and blobs of a removed image that no other image needs. */
export async function collectUnused(context: EngineContext, removed: ImageRecord): Promise<void> {
  const { store } = context;
  // A pull that is under way may be counting on a layer that no image refers to yet.
  await using _content = await store.lockContent();
  const kept = store.images.list();
  const chains = new Set<string>(kept.flatMap((image) => image.layers.map((l) => l.chainId)));
  const blobs = new Set<string>(
    kept.flatMap((image) => [image.id, image.manifestDigest, ...image.layers.map((l) => l.blob)]),
  );
  const gone = new Set<string>(
    removed.layers.map((layer) => layer.chainId).filter((chainId) => !chains.has(chainId)),
  );
  for (const { mappingKey, chainId } of store.layers.list()) {
    if (!gone.has(chainId)) continue;
    const waste = store.layers.remove(mappingKey, chainId);
    if (waste !== undefined) await discardTree(context, waste);
  }
  for (const blob of [removed.id, removed.manifestDigest, ...removed.layers.map((l) => l.blob)]) {
    if (!blobs.has(blob)) store.blobs.remove(blob);
  }
}
