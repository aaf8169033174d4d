import type { ImageLayer, ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** Bytes of an image's files where they are unpacked for the default id mapping, else compressed. */
export function unpackedSize(context: EngineContext, image: ImageRecord): number {
  return image.layers.reduce((sum, layer) => sum + unpackedLayerSize(context, layer), 0);
}

/** The same of one layer. */
export function unpackedLayerSize(context: EngineContext, { chainId, size }: ImageLayer): number {
  const { key } = mappingFor(context, { mode: "default" });
  return context.store.layers.size(key, chainId) ?? size;
}
