import { nativeProgram } from "../platform/native.ts";
import { runProgram } from "../platform/process.ts";
import { usernsArguments } from "../platform/userns.ts";
import { type EngineContext, mappingFor } from "./context.ts";

/** The size of a directory with all that is in it. */
export interface TreeSize {
  /** Of files, as they say; a file with several names counts once. */
  readonly bytes: number;
  /** On the disk, directories included, as du(1) counts. */
  readonly used: number;
}

/** A tree of a million files on a slow disk; not for ever, should a file system hang. */
const timeoutMs = 5 * 60 * 1000;
/** Paths in one command line: execve(2) takes two megabytes. */
const mostTrees = 2000;

/**
 * Sizes by directory; undefined for one that cannot be read.
 *
 * The native program walks through the files by descriptors, as root of a user namespace that has
 * every id that a container has: nothing that a container made is resolved from here.
 */
export async function treeSizes(
  context: EngineContext,
  trees: readonly string[],
): Promise<ReadonlyMap<string, TreeSize | undefined>> {
  const sizes = new Map<string, TreeSize | undefined>();
  for (let start = 0; start < trees.length; start += mostTrees) {
    const batch = trees.slice(start, start + mostTrees);
    const lines = await walk(context, batch);
    for (const [index, tree] of batch.entries()) {
      const match = /^(\d+) (\d+)$/.exec(lines[index] ?? "");
      const size = match === null ? undefined : { bytes: Number(match[1]), used: Number(match[2]) };
      sizes.set(tree, size);
    }
  }
  return sizes;
}

async function walk(context: EngineContext, trees: readonly string[]): Promise<readonly string[]> {
  const argv = [nativeProgram(), "treesize", ...trees] as const;
  // Root itself may read everything, and a user namespace of its own may not even walk to the store.
  const args =
    context.host().uid === 0
      ? argv.slice(1)
      : usernsArguments(mappingFor(context, { mode: "default" }), argv, false);
  const { stdout } = await runProgram(argv[0], args, { timeoutMs });
  return stdout.toString("latin1").split("\n");
}
