import { existsSync } from "node:fs";
import { nativeProgram } from "../../platform/native.ts";
import { runProgram } from "../../platform/process.ts";
import { usernsArguments } from "../../platform/userns.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import type { ContainerSize } from "../types.ts";
import { rootfsPaths } from "./rootfs-paths.ts";

/** A tree of a million files on a slow disk; not for ever, should a file system hang. */
const timeoutMs = 5 * 60 * 1000;

/**
 * How much containers have written and how large their roots are, by id; one whose files cannot be
 * read, or that never had any, is left out.
 *
 * The native program walks through the files by descriptors, as root of a user namespace that has
 * every id that a container has: nothing that a container made is resolved from here.
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
  const bytes = await sizesOf(
    context,
    made.map(({ tree }) => tree),
  );
  const sizes = new Map<string, ContainerSize>();
  for (const { record, isMade, tree } of trees) {
    // Before its first start a container has written nothing.
    const own = isMade ? bytes.get(tree) : 0;
    if (own === undefined) continue;
    const image = imageSize(context, record);
    // Of a root that is one copy, what is not the image's is the container's.
    const isCopy = record.driver === "copy";
    const writable = isCopy ? Math.max(0, own - image) : own;
    sizes.set(record.id, { writable, rootfs: isCopy ? Math.max(own, image) : own + image });
  }
  return sizes;
}

/** Bytes by tree; undefined for one that cannot be read. */
async function sizesOf(
  context: EngineContext,
  trees: readonly string[],
): Promise<ReadonlyMap<string, number | undefined>> {
  if (trees.length === 0) return new Map();
  const walk = [nativeProgram(), "treesize", ...trees] as const;
  // Root itself may read everything, and a user namespace of its own may not even walk to the store.
  const args =
    context.host().uid === 0
      ? walk.slice(1)
      : usernsArguments(mappingFor(context, { mode: "default" }), walk, false);
  const { stdout } = await runProgram(walk[0], args, { timeoutMs });
  const lines = stdout.toString("latin1").split("\n");
  return new Map(
    trees.map((tree, index) => {
      const line = lines[index] ?? "";
      return [tree, /^\d+$/.test(line) ? Number(line) : undefined];
    }),
  );
}

function imageSize(context: EngineContext, { imageId, mapping }: ContainerRecord): number {
  const image = imageId === undefined ? undefined : context.store.images.findById(imageId);
  return (image?.layers ?? []).reduce(
    (sum, { chainId, size }) => sum + (context.store.layers.size(mapping.key, chainId) ?? size),
    0,
  );
}
