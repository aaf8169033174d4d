import { existsSync, renameSync } from "node:fs";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { volumeUsers } from "./volume-users.ts";

/**
 * Removes a volume unless a container uses it; whether it is gone.  A container's row comes before
 * its volumes are made, and here the directory is put aside in a transaction that has seen no such
 * row: so a container of a moment later gets a new one.
 */
export async function removeVolume(context: EngineContext, name: string): Promise<boolean> {
  const { store } = context;
  const directory = store.volumes.dir(name);
  const trash = store.volumes.trashDir(name);
  try {
    const isFree = store.transaction(() => {
      if (volumeUsers(context).has(name)) return false;
      store.volumes.remove(name);
      if (existsSync(directory)) renameSync(directory, trash);
      return true;
    });
    if (!isFree) return false;
  } catch (error) {
    // The row is still there: a full disk.
    if (existsSync(trash)) renameSync(trash, directory);
    throw error;
  }
  await discardTree(context, trash);
  return true;
}
