import { existsSync } from "node:fs";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { treeSizes } from "../tree-sizes.ts";
import type { ContainerSize } from "../types.ts";
import { rootfsPaths } from "./rootfs-paths.ts";

/**
 * How much containers have written and how large their roots are, by id; one whose files cannot be
 * read, or that never had any, is left out.
 */
export async function containerSizes(
  context: EngineContext,
  records: readonly ContainerRecord[],
): Promise<ReadonlyMap<string, ContainerSize>> {
  const trees = records.flatMap((record) => {
    const { upper, root } = rootfsPaths(context, record);
    const tree = upper ?? root;
    // `--rootfs PATH` is the user's own: it is no container's to be measured.
    if (tree === undefined || record.options.rootfs?.overlay === false) return [];
    return [{ record, tree, isMade: existsSync(tree) }];
  });
  const made = trees.filter(({ isMade }) => isMade);
  const walked = await treeSizes(
    context,
    made.map(({ tree }) => tree),
  );
  const sizes = new Map<string, ContainerSize>();
  for (const { record, isMade, tree } of trees) {
    // Before its first start a container has written nothing.
    const own = isMade ? walked.get(tree)?.bytes : 0;
    if (own === undefined) continue;
    const image = imageSize(context, record);
    // Of a root that is one copy, what is not the image's is the container's.
    const isCopy = record.driver === "copy";
    const writable = isCopy ? Math.max(0, own - image) : own;
    sizes.set(record.id, { writable, rootfs: isCopy ? Math.max(own, image) : own + image });
  }
  return sizes;
}

function imageSize(context: EngineContext, { imageId, mapping }: ContainerRecord): number {
  const image = imageId === undefined ? undefined : context.store.images.findById(imageId);
  return (image?.layers ?? []).reduce(
    (sum, { chainId, size }) => sum + (context.store.layers.size(mapping.key, chainId) ?? size),
    0,
  );
}
