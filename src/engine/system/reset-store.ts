import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import { removeTree } from "../../layer/remove-tree.ts";
import { isErrno } from "../../platform/errno.ts";
import { removeContainer } from "../containers/remove-container.ts";
import { type EngineContext, mappingFor } from "../context.ts";

/** What a store is made of; what else may lie there is somebody else's. */
const storeDirectories = ["blobs", "layers", "containers", "gone", "volumes", "locks"];
const storeFile = /^(?:store\.db(?:-wal|-shm|\.[0-9a-f]{12}\.tmp.*)?|events(?:\.1)?|reserve)$/;
const containerId = /^[0-9a-f]{64}$/;

/**
 * Ends and removes all containers, then every file of the store, its runtime directory and the
 * cache; files of subordinate ids too.  The database goes first: what is left should this be
 * interrupted belongs to nothing, and the next command's collection of garbage removes it.
 */
export async function resetStore(context: EngineContext, signal?: AbortSignal): Promise<void> {
  const { store, paths } = context;
  const mapping = mappingFor(context, { mode: "default" });
  for (const { id } of store.containers.list()) {
    signal?.throwIfAborted();
    if (store.containers.has(id)) {
      await removeContainer(context, id, { force: true, volumes: true });
    }
  }
  // A pull that goes on would write into what is removed.
  const content = await store.lockContent({ signal });
  try {
    store.close();
    const names = readdirSync(store.root);
    for (const name of names.filter((one) => storeFile.test(one))) {
      rmSync(path.join(store.root, name), { force: true });
    }
    for (const name of storeDirectories) await removeTree(path.join(store.root, name), mapping);
  } finally {
    content.release();
  }
  for (const name of listed(store.runtimeDir).filter((one) => containerId.test(one))) {
    await removeTree(path.join(store.runtimeDir, name), mapping);
  }
  for (const directory of [store.root, store.runtimeDir]) removeIfEmpty(directory);
  // ~/.local/state/tsman/run, where there is no $XDG_RUNTIME_DIR.
  const parent = path.dirname(store.runtimeDir);
  if (path.basename(parent) === "tsman") removeIfEmpty(parent);
  await removeTree(paths.cacheDir, mapping);
}

function listed(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** What else lies there is not ours to remove. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (!isErrno(error, "ENOTEMPTY", "EEXIST", "ENOENT", "EBUSY", "EACCES", "EPERM")) throw error;
  }
}
