import { readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import type { ChainId, Digest } from "../oci/digest.ts";
import { isErrno } from "../platform/errno.ts";
import { type FileLock, tryLockFile } from "../platform/file-lock.ts";
import { listIdleLocks, removeIdleLock } from "./idle-locks.ts";
import { contentOfList } from "./manifest-lists.ts";
import type { Store } from "./store.ts";

/** What {@link collectGarbage} takes. */
export interface CollectOptions {
  /**
   * Removes a directory whose files may belong to subordinate ids; the store cannot, since that
   * takes a user namespace.
   */
  readonly removeTree: (directory: string) => Promise<void>;
  /** Milliseconds that an interrupted transfer is kept to be resumed; default: a week. */
  readonly partialBlobAge?: number | undefined;
  /** Default: now. */
  readonly now?: number | undefined;
}

/** One thing that was removed. */
export interface Garbage {
  readonly kind: "layer" | "blob" | "container" | "volume" | "run directory" | "temporary file";
  readonly path: string;
}

const week = 7 * 24 * 60 * 60 * 1000;
/** A temporary file younger than this may belong to a running command. */
const temporaryAge = 60 * 60 * 1000;
const idPattern = /^[0-9a-f]{64}$/;
/** What a later command goes on with: a blob's beginning, the note of an upload. */
const resumablePattern = /^[0-9a-f]{64}(?:\.upload)?$/;

/**
 * Removes what killed commands have left, and content that no image refers to.  Whatever a running
 * command works on is locked by it and left alone, so this may run at any time.
 *
 * What cannot be removed – another command is just doing it, or the caller's subordinate ids have
 * changed – stays for the next time: it is no failure of the command that tidies up behind itself.
 *
 * @returns what was removed.
 */
export async function collectGarbage(store: Store, options: CollectOptions): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  // What needs no row to be changed comes first: on a full disk it makes room for the rest.
  for (const collect of [
    collectLayerRemains,
    collectBlobRemains,
    collectContent,
    collectContainerRemains,
    collectVolumeRemains,
    collectTemporaryDatabases,
  ]) {
    await attempt(async () => removed.push(...(await collect(store, options))));
  }
  return removed;
}

/** Whether `work` succeeded. */
async function attempt(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return true;
  } catch {
    return false;
  }
}

/**
 * Removes layers and blobs that no image refers to, after the removal of an image.  Does nothing
 * while a pull goes on: what it has fetched belongs to no image yet.
 */
export async function collectContent(
  store: Store,
  options: Pick<CollectOptions, "removeTree">,
): Promise<Garbage[]> {
  const lock = tryLockFile(store.contentLockPath);
  if (lock === undefined) return [];
  const trash: string[] = [];
  const removed: Garbage[] = [];
  try {
    const used = usedContent(store);
    for (const digest of store.blobs.list()) {
      if (!used.blobs.has(digest) && store.blobs.remove(digest)) {
        removed.push({ kind: "blob", path: store.blobs.path(digest) });
      }
    }
    for (const { mappingKey, chainId } of store.layers.list()) {
      if (used.layers.has(chainId)) continue;
      const directory = store.layers.remove(mappingKey, chainId);
      if (directory !== undefined) trash.push(directory);
    }
  } finally {
    lock.release();
  }
  for (const lockPath of listIdleLocks(store)) removeIdleLock(lockPath);
  // Put aside under the lock, removed without it: a large layer takes a while.
  for (const directory of trash) {
    await options.removeTree(directory);
    removed.push({ kind: "layer", path: directory });
  }
  return removed;
}

/**
 * Removes layers that are unpacked for an id mapping which no container has.  Does nothing while
 * images are fetched, or containers with a mapping of their own are made.
 *
 * @param defaultKey of the mapping that containers have unless told otherwise.
 */
export async function collectIdleMappings(
  store: Store,
  defaultKey: string,
  options: Pick<CollectOptions, "removeTree">,
): Promise<void> {
  const lock = tryLockFile(store.contentLockPath);
  if (lock === undefined) return;
  const trash: string[] = [];
  try {
    const used = usedMappings(store, defaultKey);
    for (const { mappingKey, chainId } of store.layers.list()) {
      if (used.has(mappingKey)) continue;
      const directory = store.layers.remove(mappingKey, chainId);
      if (directory !== undefined) trash.push(directory);
    }
  } finally {
    lock.release();
  }
  for (const lockPath of listIdleLocks(store)) removeIdleLock(lockPath);
  for (const directory of trash) await options.removeTree(directory);
}

/**
 * Removes the blobs of layers that are unpacked and that a registry has, whatever image they belong
 * to; what needs one later fetches it.  Does nothing while images are fetched or sent.
 *
 * @param defaultKey of the mapping for which they have to be unpacked.
 */
export function dropUnpackedBlobs(store: Store, defaultKey: string): void {
  const lock = tryLockFile(store.contentLockPath);
  if (lock === undefined) return;
  try {
    const images = store.images.list();
    const needed = new Set<Digest>(store.manifestLists.list().flatMap(contentOfList));
    for (const { id, manifestDigest, digests, layers } of images) {
      needed.add(id).add(manifestDigest);
      for (const { blob, chainId } of layers) {
        if (digests.length === 0 || !store.layers.has(defaultKey, chainId)) needed.add(blob);
      }
    }
    const unpacked = images.flatMap(({ layers }) => layers.map(({ blob }) => blob));
    for (const blob of new Set(unpacked)) if (!needed.has(blob)) store.blobs.remove(blob);
  } finally {
    lock.release();
  }
  for (const lockPath of listIdleLocks(store)) removeIdleLock(lockPath);
}

/** Keys of the id mappings that containers have, and of the one that they get by default. */
export function usedMappings(store: Store, defaultKey: string): ReadonlySet<string> {
  return new Set([defaultKey, ...store.containers.list().map(({ mapping }) => mapping.key)]);
}

function usedContent(store: Store): { layers: ReadonlySet<ChainId>; blobs: ReadonlySet<Digest> } {
  const images = store.images.list();
  return {
    layers: new Set(images.flatMap((image) => image.layers.map((layer) => layer.chainId))),
    blobs: usedBlobs(store),
  };
}

/** The blobs that images and manifest lists refer to. */
export function usedBlobs({ images, manifestLists }: Store): ReadonlySet<Digest> {
  return new Set([
    ...images
      .list()
      .flatMap(({ id, manifestDigest, layers }) => [
        id,
        manifestDigest,
        ...layers.map(({ blob }) => blob),
      ]),
    ...manifestLists.list().flatMap(contentOfList),
  ]);
}

/** Layers that were being unpacked when their command was killed, and what was put aside. */
async function collectLayerRemains(store: Store, options: CollectOptions): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  for (const partial of store.layers.listPartials()) {
    withFreeLock(partial.lockPath, (lock) => {
      store.layers.discardPartial(partial.path);
      lock.remove();
    });
  }
  for (const directory of store.layers.listTrash()) {
    if (await attempt(() => options.removeTree(directory))) {
      removed.push({ kind: "layer", path: directory });
    }
  }
  return removed;
}

/** Volumes whose removal was interrupted. */
async function collectVolumeRemains(store: Store, options: CollectOptions): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  for (const directory of store.volumes.listTrash()) {
    if (await attempt(() => options.removeTree(directory))) {
      removed.push({ kind: "volume", path: directory });
    }
  }
  return removed;
}

/** Downloads, and notes of uploads, that nobody has resumed for long. */
function collectBlobRemains(store: Store, options: CollectOptions): Garbage[] {
  const directory = path.join(store.root, "blobs/partial");
  const removed: Garbage[] = [];
  for (const name of readdirSync(directory)) {
    const file = path.join(directory, name);
    const limit = resumablePattern.test(name) ? (options.partialBlobAge ?? week) : temporaryAge;
    if (!isOlder(file, limit, options.now)) continue;
    withFreeLock(path.join(store.root, "locks", `blob-${name.slice(0, 64)}`), (lock) => {
      rmSync(file, { force: true });
      lock.remove();
      removed.push({ kind: "blob", path: file });
    });
  }
  return removed;
}

/** Directories whose container is not known any more. */
async function collectContainerRemains(store: Store, options: CollectOptions): Promise<Garbage[]> {
  const removed: Garbage[] = [];
  for (const id of readdirSync(path.join(store.root, "containers"))) {
    if (!idPattern.test(id) || store.containers.has(id)) continue;
    const directory = store.containers.dir(id);
    if (await attempt(() => options.removeTree(directory))) {
      removed.push({ kind: "container", path: directory });
    }
  }
  for (const id of readdirSync(store.runtimeDir)) {
    if (!idPattern.test(id) || store.containers.has(id)) continue;
    const directory = store.containers.runDir(id);
    // Another store may use the same runtime directory, for a container that has no monitor yet.
    if (!isOlder(directory, temporaryAge, options.now)) continue;
    // A monitor holds `lock` for its life; without it and without a row nobody needs this.
    withFreeLock(path.join(directory, "lock"), () => {
      rmSync(directory, { recursive: true, force: true });
      removed.push({ kind: "run directory", path: directory });
    });
  }
  return removed;
}

/** Databases that a killed command was making. */
function collectTemporaryDatabases(store: Store, options: CollectOptions): Garbage[] {
  return readdirSync(store.root)
    .filter((name) => /^store\.db\.[0-9a-f]{12}\.tmp/.test(name))
    .map((name) => path.join(store.root, name))
    .filter((file) => isOlder(file, temporaryAge, options.now))
    .map((file) => {
      rmSync(file, { force: true });
      return { kind: "temporary file", path: file };
    });
}

/** Runs `work` if nobody holds the lock; the lock is free afterwards. */
function withFreeLock(lockPath: string, work: (lock: FileLock) => void): void {
  const lock = tryLockFile(lockPath);
  if (lock === undefined) return;
  try {
    work(lock);
  } finally {
    lock.release();
  }
}

function isOlder(file: string, age: number, now = Date.now()): boolean {
  try {
    return now - statSync(file).mtimeMs > age;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
}
