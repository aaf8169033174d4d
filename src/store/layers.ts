import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { type ChainId, digestHex } from "../oci/digest.ts";
import { bootId } from "../platform/boot-id.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { type FileLock, type LockOptions, lockFile, tryLockFile } from "../platform/file-lock.ts";
import { syncFilesystem } from "../platform/libc/files.ts";
import { randomHex } from "../platform/random.ts";
import type { Database, Row } from "./database.ts";

/** Empty directories for layers to come; they go when the process ends or says so. */
export interface PreparedDirectories extends Disposable {
  /** For {@link LayerDirectory.begin}; owned by the caller, mode 0755. */
  readonly targets: readonly string[];
}

const mappingKeyPattern = /^[0-9a-f]{16}$/;
const partialSuffix = ".partial";
const trashSuffix = ".trash";
/** Of a complete layer: its chain id. */
const layerName = /^[0-9a-f]{64}$/;

/**
 * Unpacked layers, `layers/<mapping key>/<chainID>/diff`: shared by all images, per id mapping
 * since their files belong to the ids that the mapping says.
 *
 * A layer counts as complete once its row is there: unpack to `.partial` → rename → row.  Data of
 * files reaches the disk some time later; {@link sync} makes sure and notes it.  Should the power
 * fail in between, the next boot does not take the layer for complete and unpacks it once more.
 */
export class LayerDirectory {
  readonly #database: Database;
  readonly #directory: string;
  readonly #locks: string;

  /** @param root the store; `layers` and `locks` in it exist. */
  constructor(database: Database, root: string) {
    this.#database = database;
    this.#directory = path.join(root, "layers");
    this.#locks = path.join(root, "locks");
  }

  /** The layer's files, as a lower directory of an overlay. */
  diffPath(mappingKey: string, chainId: ChainId): string {
    return path.join(this.#layerPath(mappingKey, chainId), "diff");
  }

  /** Whether the layer is complete. */
  has(mappingKey: string, chainId: ChainId): boolean {
    const row = this.#row(mappingKey, chainId);
    if (row === undefined) return false;
    // Somebody may have removed the directory, to free space say: then it is unpacked once more.
    return isDurable(row) && existsSync(this.diffPath(mappingKey, chainId));
  }

  /** Bytes of the unpacked layer; undefined when it is not there. */
  size(mappingKey: string, chainId: ChainId): number | undefined {
    return this.#row(mappingKey, chainId)?.size as number | undefined;
  }

  /** Bytes of all layers that are unpacked for a mapping, by chain id. */
  sizes(mappingKey: string): ReadonlyMap<string, number> {
    const rows = this.#database.all(
      "SELECT chain_id, size FROM layers WHERE mapping_key = ?",
      mappingKey,
    );
    return new Map(rows.map((row) => [row.chain_id as string, row.size as number]));
  }

  /** Waits until no other command unpacks this layer; {@link lockFile}. */
  async lock(
    mappingKey: string,
    chainId: ChainId,
    options: Omit<LockOptions, "shared"> = {},
  ): Promise<FileLock> {
    return await lockFile(this.lockPath(mappingKey, chainId), options);
  }

  /** The file behind {@link lock}. */
  lockPath(mappingKey: string, chainId: ChainId): string {
    return path.join(this.#locks, `layer-${checkedKey(mappingKey)}-${digestHex(chainId)}`);
  }

  /**
   * Makes empty directories before it is known for which layers: an unpack worker has to be started
   * with all that it will fill.
   */
  prepare(mappingKey: string, count: number): PreparedDirectories {
    // A name like a layer's, for the lock that keeps the garbage collection away.
    const name = randomHex(32);
    const keyed = path.join(this.#directory, checkedKey(mappingKey));
    const directory = path.join(keyed, `${name}${partialSuffix}`);
    const lockPath = path.join(this.#locks, `layer-${mappingKey}-${name}`);
    const lock = tryLockFile(lockPath);
    if (lock === undefined) throw new TsmanError("INTERNAL", `lock ${lockPath}: it is taken`);
    const targets = Array.from({ length: count }, (_, n) => path.join(directory, `${n}`, "diff"));
    const remove = (): void => {
      rmSync(directory, { recursive: true, force: true });
      lock.remove();
    };
    try {
      mkdirSync(keyed, { recursive: true, mode: 0o700 });
      mkdirSync(directory, { mode: 0o700 });
      for (const target of targets) makeTarget(target);
    } catch (error) {
      remove();
      throw toFileError(error, `make directories for layers in ${keyed}`);
    }
    return { targets, [Symbol.dispose]: remove };
  }

  /**
   * Makes an empty directory to unpack into; hold {@link lock} from here to {@link commit} or
   * {@link abandon}.  What a killed unpacking has left is put aside for the garbage collection.
   *
   * @param prepared one of {@link prepare}'s, which becomes the layer's; it keeps its inode.
   * @returns its path; owned by the caller unless it was prepared, mode 0755.
   */
  begin(mappingKey: string, chainId: ChainId, prepared?: string): string {
    const layer = this.#layerPath(mappingKey, chainId);
    const partial = `${layer}${partialSuffix}`;
    const target = path.join(partial, "diff");
    try {
      mkdirSync(path.dirname(layer), { recursive: true, mode: 0o700 });
      this.#discard(partial);
      if (prepared === undefined) makeTarget(target);
      else renameSync(path.dirname(prepared), partial);
      return target;
    } catch (error) {
      throw toFileError(error, `make a directory for layer ${chainId}`);
    }
  }

  /**
   * Declares the unpacked layer complete.
   *
   * @param size bytes of its files.
   */
  commit(mappingKey: string, chainId: ChainId, size: number): void {
    const layer = this.#layerPath(mappingKey, chainId);
    const partial = `${layer}${partialSuffix}`;
    try {
      // There only if a command was killed between the rename and the row, or a boot ago.
      this.#discard(layer);
      renameSync(partial, layer);
    } catch (error) {
      throw toFileError(error, `complete layer ${chainId}`);
    }
    try {
      this.#database.run(
        `INSERT INTO layers (mapping_key, chain_id, size, boot_id, is_synced) VALUES (?, ?, ?, ?, 0)
         ON CONFLICT DO UPDATE SET size = excluded.size, boot_id = excluded.boot_id, is_synced = 0`,
        mappingKey,
        chainId,
        size,
        bootId(),
      );
    } catch (error) {
      // A full disk has room for a name, not for a row: what has none must not look complete, and
      // is its unpacker's to abandon().
      renameSync(layer, partial);
      throw error;
    }
  }

  /**
   * Gives an unpacking up.
   *
   * @returns the directory with what there is of it: files of subordinate ids, which the caller
   * removes from within the user namespace.  Undefined when there is nothing.
   */
  abandon(mappingKey: string, chainId: ChainId): string | undefined {
    return this.#discard(`${this.#layerPath(mappingKey, chainId)}${partialSuffix}`);
  }

  /**
   * Forgets a complete layer.
   *
   * @returns the directory to remove, as {@link abandon} does.
   */
  remove(mappingKey: string, chainId: ChainId): string | undefined {
    this.#database.erase(
      "DELETE FROM layers WHERE mapping_key = ? AND chain_id = ?",
      checkedKey(mappingKey),
      chainId,
    );
    return this.#discard(this.#layerPath(mappingKey, chainId));
  }

  /** All complete layers. */
  list(): { readonly mappingKey: string; readonly chainId: ChainId; readonly size: number }[] {
    return this.#database
      .all("SELECT mapping_key, chain_id, size, boot_id, is_synced FROM layers")
      .filter(isDurable)
      .map((row) => ({
        mappingKey: row.mapping_key as string,
        chainId: row.chain_id as ChainId,
        size: row.size as number,
      }));
  }

  /**
   * Directories of unpackings that may still go on, and of layers that are not complete though
   * their directory has its final name: ask for their lock.
   */
  listPartials(): { readonly path: string; readonly lockPath: string }[] {
    const partials = this.#entries((name) => name.endsWith(partialSuffix));
    // A command was killed between the rename and the row, or the power failed before sync().
    const lost = this.#entries((name) => layerName.test(name)).filter(
      ({ mappingKey, name }) => !this.has(mappingKey, chainIdOf(name)),
    );
    return [...partials, ...lost].map(({ directory, mappingKey, name }) => ({
      path: directory,
      lockPath: path.join(this.#locks, `layer-${mappingKey}-${name.slice(0, 64)}`),
    }));
  }

  /** Directories that nobody uses any more. */
  listTrash(): string[] {
    return this.#entries((name) => name.endsWith(trashSuffix)).map(({ directory }) => directory);
  }

  /**
   * Puts one of {@link listPartials} aside; its lock must be held.  Undefined: it is not there any
   * more, or was completed before the lock was free.
   */
  discardPartial(directory: string): string | undefined {
    const [mappingKey = "", name = ""] = directory.split("/").slice(-2);
    const isComplete = layerName.test(name) && this.has(mappingKey, chainIdOf(name));
    return isComplete ? undefined : this.#discard(directory);
  }

  /**
   * Waits until all layers completed under this boot are on the disk, and notes that.  For the end
   * of a pull, when the user has the answer already.
   */
  async sync(): Promise<void> {
    const boot = bootId();
    const unsynced = this.#database.all(
      "SELECT mapping_key, chain_id FROM layers WHERE is_synced = 0 AND boot_id = ?",
      boot,
    );
    if (unsynced.length === 0) return;
    const fd = openSync(this.#directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await syncFilesystem(fd);
    } catch (error) {
      throw toFileError(error, `write layers in ${this.#directory} to the disk`);
    } finally {
      closeSync(fd);
    }
    this.#database.transaction(() => {
      for (const row of unsynced) {
        this.#database.run(
          "UPDATE layers SET is_synced = 1 WHERE mapping_key = ? AND chain_id = ? AND boot_id = ?",
          row.mapping_key as string,
          row.chain_id as string,
          boot,
        );
      }
    });
  }

  #row(mappingKey: string, chainId: ChainId): Row | undefined {
    return this.#database.get(
      "SELECT size, boot_id, is_synced FROM layers WHERE mapping_key = ? AND chain_id = ?",
      mappingKey,
      chainId,
    );
  }

  #layerPath(mappingKey: string, chainId: ChainId): string {
    return path.join(this.#directory, checkedKey(mappingKey), digestHex(chainId));
  }

  /** Renames a directory to a name that says that it is waste; undefined when there is none. */
  #discard(directory: string): string | undefined {
    if (!existsSync(directory)) return undefined;
    const trash = `${directory}.${randomHex(6)}${trashSuffix}`;
    renameSync(directory, trash);
    return trash;
  }

  #entries(
    isMeant: (name: string) => boolean,
  ): { directory: string; mappingKey: string; name: string }[] {
    return readNames(this.#directory)
      .filter((mappingKey) => mappingKeyPattern.test(mappingKey))
      .flatMap((mappingKey) =>
        readNames(path.join(this.#directory, mappingKey))
          .filter(isMeant)
          .map((name) => ({
            directory: path.join(this.#directory, mappingKey, name),
            mappingKey,
            name,
          })),
      );
  }
}

/** Whether the files of a layer were written under this boot, or are on the disk. */
function isDurable(row: Row): boolean {
  return row.is_synced === 1 || row.boot_id === bootId();
}

/** The directory of a layer's files, in one of ours. */
function makeTarget(target: string): void {
  mkdirSync(path.dirname(target), { mode: 0o700 });
  mkdirSync(target, { mode: 0o755 });
}

function chainIdOf(directoryName: string): ChainId {
  return `sha256:${directoryName}` as ChainId;
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}

function checkedKey(mappingKey: string): string {
  if (mappingKeyPattern.test(mappingKey)) return mappingKey;
  throw new TsmanError(
    "INTERNAL",
    `use mapping key ${JSON.stringify(mappingKey)}: not 16 hex digits`,
  );
}
