import type { ChainId } from "../../oci/digest.ts";
import type { ImageLayer } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { ImageTree, ImageTreeLayer } from "../image-types.ts";
import { getImage } from "./find-image.ts";
import { layerSizes, unpackedLayerSize, unpackedSize } from "./unpacked-size.ts";

/**
 * The layers of an image, and which images share them.
 *
 * @param whatRequires instead: what stands upon its topmost layer.
 */
export async function imageTree(
  context: EngineContext,
  nameOrId: string,
  whatRequires: boolean,
): Promise<ImageTree> {
  const image = await getImage(context, nameOrId);
  const all = context.store.images.list();
  const sizes = layerSizes(context);
  const node = (layer: ImageLayer, children: readonly ImageTreeLayer[]): ImageTreeLayer => ({
    id: layer.chainId,
    size: unpackedLayerSize(sizes, layer),
    topOf: all
      .filter(({ layers }) => layers.at(-1)?.chainId === layer.chainId)
      .flatMap(({ id, names }) => (names.length === 0 ? [id] : names)),
    children,
  });
  const above = (below: ChainId, depth: number): readonly ImageTreeLayer[] => {
    const next = new Map<ChainId, ImageLayer>();
    for (const { layers } of all) {
      const layer = layers[depth + 1];
      if (layers[depth]?.chainId === below && layer !== undefined) next.set(layer.chainId, layer);
    }
    return [...next.values()].map((layer) => node(layer, above(layer.chainId, depth + 1)));
  };
  const top = image.layers.at(-1);
  const layers =
    whatRequires && top !== undefined
      ? [node(top, above(top.chainId, image.layers.length - 1))]
      : image.layers.map((layer) => node(layer, []));
  return { id: image.id, names: image.names, size: unpackedSize(sizes, image), layers };
}
