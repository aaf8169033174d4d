import { existsSync } from "node:fs";
import path from "node:path";
import { toFileError } from "../platform/errno.ts";
import { type FileLock, type LockOptions, lockFile } from "../platform/file-lock.ts";
import { makeDirectory } from "../platform/make-directory.ts";
import { BlobDirectory } from "./blobs.ts";
import { ContainerTable } from "./containers.ts";
import { Database } from "./database.ts";
import { EventFile } from "./events.ts";
import { ImageTable } from "./images.ts";
import { LayerDirectory } from "./layers.ts";
import { ManifestListTable } from "./manifest-lists.ts";
import { ensurePrivateDirectory } from "./private-directory.ts";
import { ensureReserve } from "./reserve.ts";
import { SettingTable } from "./settings.ts";
import { VolumeTable } from "./volumes.ts";

/** Where a store is. */
export interface StorePaths {
  /** Images, layers, containers, volumes. */
  readonly root: string;
  /** Sockets, process ids; volatile. */
  readonly runtimeDir: string;
}

/** Everything that tsman keeps of one user. */
export interface Store extends Disposable {
  readonly root: string;
  readonly runtimeDir: string;
  readonly images: ImageTable;
  readonly manifestLists: ManifestListTable;
  readonly blobs: BlobDirectory;
  readonly layers: LayerDirectory;
  readonly containers: ContainerTable;
  readonly volumes: VolumeTable;
  readonly settings: SettingTable;
  readonly events: EventFile;
  /**
   * What is wrong with the database itself; empty: nothing.
   *
   * @param isQuick leave out what compares its indices with its rows.
   */
  verifyDatabase(isQuick: boolean): readonly string[];
  /** Several changes of metadata as one: all or none. */
  transaction<T>(work: () => T): T;
  /**
   * Keeps the garbage collection from content that no image refers to yet.  A pull holds it shared
   * from its first blob or layer until its image is entered.
   */
  lockContent(options?: LockOptions): Promise<FileLock>;
  /** The file behind {@link lockContent}. */
  readonly contentLockPath: string;
  /**
   * Holds some space back, unless it does: removals on a full disk need it, and use it up.  To be
   * called when something was removed.
   */
  ensureReserve(): void;
  /**
   * Copies SQLite's log into the database, which waits for the disk (some milliseconds).  A process
   * that is about to end through process.exit may leave that to the next one.
   */
  close(): void;
}

const databaseName = "store.db";
const directories = [
  "blobs/sha256",
  "blobs/partial",
  "layers",
  "containers",
  "gone",
  "volumes",
  "locks",
];

/**
 * Opens the store; makes it when there is none.  Any number of processes may do so at once.
 *
 * @throws TsmanError PREFLIGHT_STORAGE when a directory is not ours alone or not writable,
 * STORE_NEWER, STORE_CORRUPT, DISK_FULL.
 */
export function openStore(paths: StorePaths): Store {
  const { root, runtimeDir } = paths;
  ensurePrivateDirectory(root, "store", "--root (or TSMAN_ROOT)");
  ensurePrivateDirectory(runtimeDir, "runtime directory", "--runtime-dir (or TSMAN_RUNTIME_DIR)");
  const databasePath = path.join(root, databaseName);
  // The database is made last: where there is one, directories are missing only if somebody has
  // removed them, and what is left of such a store can be used.
  const isNew = !existsSync(databasePath);
  makeDirectories(root, isNew);
  if (isNew) ensureReserve(root);
  const database = Database.open(databasePath);
  const events = new EventFile(database, root);
  const contentLockPath = path.join(root, "locks/content");
  return {
    root,
    runtimeDir,
    images: new ImageTable(database),
    manifestLists: new ManifestListTable(database),
    blobs: new BlobDirectory(root),
    layers: new LayerDirectory(database, root),
    containers: new ContainerTable(database, root, runtimeDir),
    volumes: new VolumeTable(database, root, events),
    settings: new SettingTable(database),
    events,
    verifyDatabase: (isQuick) => database.verify(isQuick),
    transaction: (work) => database.transaction(work),
    lockContent: async (options = {}) => await lockFile(contentLockPath, options),
    contentLockPath,
    ensureReserve: () => ensureReserve(root),
    close: () => database.close(),
    [Symbol.dispose]: () => database.close(),
  };
}

function makeDirectories(root: string, isNew: boolean): void {
  try {
    for (const name of directories) {
      const directory = path.join(root, name);
      if (isNew || !existsSync(directory)) makeDirectory(directory);
    }
  } catch (error) {
    // On a full disk what is there can be read all the same.
    if (isNew) throw toFileError(error, `make store ${root}`);
  }
}
