import type { HistoryEntry } from "../../oci/image-config.ts";
import type { ImageLayer, ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { ImageHistoryStep } from "../image-types.ts";
import { getImage } from "./find-image.ts";
import { layerSizes, unpackedLayerSize } from "./unpacked-size.ts";

/**
 * How an image was made, the last step first.  A step is an image of its own where the store has one
 * that ends with that step's layer.
 */
export async function imageHistory(
  context: EngineContext,
  nameOrId: string,
): Promise<readonly ImageHistoryStep[]> {
  const image = await getImage(context, nameOrId);
  const byTop = new Map(
    context.store.images.list().map((one) => [one.layers.at(-1)?.chainId, one] as const),
  );
  const sizes = layerSizes(context);
  const steps = stepsOf(image).reverse();
  return steps.map(({ entry, layer }, index) => {
    // Of two images with the same layers it is this one whose history is asked for.
    const own = index === 0 ? image : layer && byTop.get(layer.chainId);
    const known = own?.id === image.id && index > 0 ? undefined : own;
    return {
      id: known?.id,
      createdAt: entry.created ?? (index === 0 ? image.createdAt : undefined),
      createdBy: entry.createdBy ?? "",
      author: entry.author ?? "",
      comment: entry.comment ?? "",
      size: layer === undefined ? 0 : unpackedLayerSize(sizes, layer),
      names: known?.names ?? [],
    };
  });
}

interface Step {
  readonly entry: HistoryEntry;
  readonly layer: ImageLayer | undefined;
}

/** image-spec/config.md: the history may be missing, and may be wrong; a layer is not left out. */
function stepsOf({ config, layers }: ImageRecord): Step[] {
  const left = layers.values();
  const steps: Step[] = config.history.map((entry) => ({
    entry,
    layer: entry.emptyLayer ? undefined : left.next().value,
  }));
  for (const layer of left) steps.push({ entry: { emptyLayer: false }, layer });
  return steps;
}
