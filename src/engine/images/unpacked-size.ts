import type { ImageLayer, ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** Bytes of layers, by chain id, where they are unpacked for the default id mapping. */
export type LayerSizes = ReadonlyMap<string, number>;

/** Looks all of them up at once. */
export function layerSizes(context: EngineContext): LayerSizes {
  return context.store.layers.sizes(mappingFor(context, { mode: "default" }).key);
}

/** Bytes of an image's files where they are unpacked, else compressed. */
export function unpackedSize(sizes: LayerSizes, image: ImageRecord): number {
  return image.layers.reduce((sum, layer) => sum + unpackedLayerSize(sizes, layer), 0);
}

/** The same of one layer. */
export function unpackedLayerSize(sizes: LayerSizes, { chainId, size }: ImageLayer): number {
  return sizes.get(chainId) ?? size;
}
