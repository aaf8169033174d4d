import { removeTree } from "../layer/remove-tree.ts";
import type { FileLock } from "../platform/file-lock.ts";
import { type EngineContext, mappingFor } from "./context.ts";

/**
 * Removes a directory of the store with all that is in it, files of subordinate ids included.
 * The default mapping has every host id that any mapping uses, and the caller: whatever mapping a
 * container had, root of this one may remove its files.
 *
 * @param lock that is held until it is done, even if this process is killed before.
 */
export async function discardTree(
  context: EngineContext,
  directory: string,
  lock?: FileLock,
): Promise<void> {
  await removeTree(directory, mappingFor(context, { mode: "default" }), lock);
}
