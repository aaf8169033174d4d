import { chmodSync, chownSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { toFileError } from "../platform/errno.ts";
import { randomHex } from "../platform/random.ts";
import type { Database } from "./database.ts";
import type { EventFile } from "./events.ts";

/** A directory that outlives containers. */
export interface VolumeRecord {
  readonly name: string;
  /** Made for one container, without a name by the user. */
  readonly isAnonymous: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** What {@link VolumeTable.ensure} takes. */
export interface EnsureVolumeOptions {
  readonly isAnonymous?: boolean | undefined;
  /** Host ids of its owner; default: the caller. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

const trashSuffix = ".trash";
const trashName = /\.[0-9a-f]{12}\.trash$/;

/** As containers' names: they become file names (security case S92). */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,252}$/;

/** The volumes of a store. */
export class VolumeTable {
  readonly #database: Database;
  readonly #directory: string;
  readonly #events: Pick<EventFile, "emit">;

  constructor(database: Database, root: string, events: Pick<EventFile, "emit">) {
    this.#database = database;
    this.#events = events;
    this.#directory = path.join(root, "volumes");
  }

  /**
   * Makes a volume unless there is one of that name; the directory to mount.
   *
   * @throws TsmanError NAME_INVALID, DISK_FULL
   */
  ensure(name: string, options: EnsureVolumeOptions = {}): string {
    const directory = this.dir(name);
    const data = this.dataDir(name);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const made = mkdirSync(data, { recursive: true, mode: 0o755 });
      if (made !== undefined) {
        // The container sees these bits, so the caller's umask has no say.
        chmodSync(data, 0o755);
        if (options.owner !== undefined) chownSync(data, options.owner.uid, options.owner.gid);
      }
    } catch (error) {
      throw toFileError(error, `make volume ${name}`);
    }
    const entered = this.#database.run(
      "INSERT INTO volumes (name, is_anonymous, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      name,
      options.isAnonymous === true ? 1 : 0,
      new Date().toISOString(),
    );
    if (entered > 0) this.#events.emit({ type: "volume", status: "create", name });
    return data;
  }

  find(name: string): VolumeRecord | undefined {
    return this.list().find((volume) => volume.name === name);
  }

  /** All volumes by name. */
  list(): VolumeRecord[] {
    return this.#database
      .all("SELECT name, is_anonymous, created_at FROM volumes ORDER BY name")
      .map((row) => ({
        name: row.name as string,
        isAnonymous: row.is_anonymous === 1,
        createdAt: row.created_at as string,
      }));
  }

  /** Forgets a volume; whether it was there.  Its directory is the caller's to remove, before. */
  remove(name: string): boolean {
    const isGone = this.#database.erase("DELETE FROM volumes WHERE name = ?", name) > 0;
    if (isGone) this.#events.emit({ type: "volume", status: "remove", name });
    return isGone;
  }

  /** Where a volume that is to be removed is put aside: another path each time. */
  trashDir(name: string): string {
    return `${this.dir(name)}.${randomHex(6)}${trashSuffix}`;
  }

  /** Directories that were put aside. */
  listTrash(): string[] {
    const known = new Set(this.list().map(({ name }) => name));
    return readdirSync(this.#directory)
      .filter((name) => trashName.test(name) && !known.has(name))
      .map((name) => path.join(this.#directory, name));
  }

  /** All of a volume. */
  dir(name: string): string {
    return path.join(this.#directory, checkedName(name));
  }

  /** What containers see of it. */
  dataDir(name: string): string {
    return path.join(this.dir(name), "_data");
  }
}

function checkedName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new TsmanError(
    "NAME_INVALID",
    `use volume name ${JSON.stringify(name)}: not a valid name`,
    {
      hint: "use letters, digits, '_', '.' and '-', beginning with a letter or digit",
    },
  );
}
