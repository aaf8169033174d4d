import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { type ChainId, digestFromHex } from "../oci/digest.ts";
import { tryLockFile } from "../platform/file-lock.ts";
import type { Store } from "./store.ts";

/** Files of locks of layers and blobs that there are not, and that nobody holds. */
export function listIdleLocks(store: Store): string[] {
  const directory = path.join(store.root, "locks");
  return readdirSync(directory)
    .filter((name) => !isNeeded(store, name))
    .map((name) => path.join(directory, name))
    .filter(isFree);
}

/** Deletes a lock's file, unless somebody holds it; whether it is gone. */
export function removeIdleLock(lockPath: string): boolean {
  const lock = tryLockFile(lockPath);
  lock?.remove();
  return lock !== undefined;
}

/** Whether nobody holds a lock; the file of one that is not there is not made. */
export function isFree(lockPath: string): boolean {
  if (!existsSync(lockPath)) return true;
  const lock = tryLockFile(lockPath);
  lock?.release();
  return lock !== undefined;
}

function isNeeded(store: Store, name: string): boolean {
  const blob = /^blob-([0-9a-f]{64})$/.exec(name);
  if (blob !== null) {
    const digest = digestFromHex(blob[1] as string);
    return store.blobs.has(digest) || store.blobs.partial(digest).size > 0;
  }
  const layer = /^layer-([0-9a-f]{16})-([0-9a-f]{64})$/.exec(name);
  if (layer === null) return true;
  const [, mappingKey = "", hex = ""] = layer;
  return existsSync(path.dirname(store.layers.diffPath(mappingKey, `sha256:${hex}` as ChainId)));
}
