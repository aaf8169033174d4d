import { dropUnpackedBlobs } from "../../store/gc.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** Drops the blobs of layers that are unpacked, where `storage.keep_blobs` says so. */
export async function dropBlobs(context: EngineContext): Promise<void> {
  const { storage } = await context.settings();
  if (storage.keepBlobs) return;
  dropUnpackedBlobs(context.store, mappingFor(context, { mode: "default" }).key);
}
