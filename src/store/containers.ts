import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import path from "node:path";
import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { Digest } from "../oci/digest.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import type { IdMapping } from "../rootless/id-mapping.ts";
import { type Database, isConstraintViolation, type Row } from "./database.ts";
import { RemovedMarks } from "./removed-marks.ts";

/** A published port as it is in force. */
export interface ContainerPort {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/**
 * What is remembered of a container.  Whether it runs is not: the kernel is asked for that.
 */
export interface ContainerRecord {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Missing for a container of a rootfs directory. */
  readonly imageId?: Digest | undefined;
  /** Full name of the image, or the path of the rootfs. */
  readonly imageName: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** As asked for. */
  readonly options: ContainerOptions;
  /** The program and its arguments, image merged in. */
  readonly command: readonly string[];
  /** Name or number; image merged in. */
  readonly stopSignal: string;
  readonly mapping: IdMapping;
  readonly ports: readonly ContainerPort[];
  /** Names of the volumes that were made for this container alone. */
  readonly anonymousVolumes: readonly string[];
  /** How its root file system is put together; missing until that was tried. */
  readonly driver?: "overlay" | "fuse-overlayfs" | "copy" | undefined;
  /** The boot of the kernel under which it was started last; missing: never. */
  readonly bootId?: string | undefined;
  /** RFC 3339; missing: never started. */
  readonly startedAt?: string | undefined;
  /** Pid and start time of the process that started it last; missing: never started. */
  readonly starter?: string | undefined;
  /** How often its restart policy has started it since somebody did; missing: never. */
  readonly restarts?: number | undefined;
  /** How many of these in a row led to short lives: the back-off. */
  readonly restartStreak?: number | undefined;
  /** Somebody stopped it, so that no restart policy starts it again; a start clears it. */
  readonly stoppedByUser?: boolean | undefined;
}

/** Members of a record to be changed. */
export type ContainerPatch = Partial<Omit<ContainerRecord, "id">>;

const containerId = /^[0-9a-f]{64}$/;

/** The containers of a store. */
export class ContainerTable {
  readonly #database: Database;
  readonly #directory: string;
  readonly #runtimeDir: string;
  readonly #marks: RemovedMarks;

  constructor(database: Database, root: string, runtimeDir: string) {
    this.#marks = new RemovedMarks(database, root);
    this.#database = database;
    this.#directory = path.join(root, "containers");
    this.#runtimeDir = path.normalize(runtimeDir);
  }

  /**
   * Enters a container and makes its two directories.  The row comes first: a directory without a
   * row is always waste that may be cleaned up.
   *
   * @throws TsmanError NAME_IN_USE, naming the holder; IMAGE_NOT_FOUND when another command has
   * removed its image since it was looked up; storage errors, with nothing left behind.
   */
  create(record: ContainerRecord): void {
    this.#marks.collect();
    let entered: number;
    try {
      // In one statement, as the removal of an image is: one of the two sees the other.
      entered = this.#database.run(
        `INSERT INTO containers (id, name, image_id, created_at, record)
         SELECT ?1, ?2, ?3, ?4, ?5 WHERE ?3 IS NULL OR EXISTS (SELECT 1 FROM images WHERE id = ?3)`,
        record.id,
        record.name,
        record.imageId ?? null,
        record.createdAt,
        JSON.stringify(record),
      );
    } catch (error) {
      throw isConstraintViolation(error) ? this.#nameInUse("create", record.name, error) : error;
    }
    if (entered === 0) {
      throw new TsmanError(
        "IMAGE_NOT_FOUND",
        `create container ${record.name}: its image ${record.imageName} was removed in the meantime`,
        { hint: "run it again, which fetches the image again" },
      );
    }
    try {
      this.#makeDirectories(record.id);
    } catch (error) {
      this.remove(record.id);
      throw toFileError(error, `create container ${record.name}`);
    }
  }

  #makeDirectories(id: string): void {
    mkdirSync(this.dir(id), { mode: 0o700 });
    try {
      mkdirSync(this.runDir(id), { mode: 0o700 });
    } catch (error) {
      // Whoever removes it holds a lock there already: the row is seen before the directories.
      if (isErrno(error, "EEXIST")) return;
      rmdirSync(this.dir(id));
      throw error;
    }
  }

  /**
   * By id, by name, or by a unique beginning of an id; in this order, as Podman does.
   *
   * @throws TsmanError USAGE when several ids begin so.
   */
  find(nameOrId: string): ContainerRecord | undefined {
    const gone = this.#marks.collect();
    const found = this.#lookUp(nameOrId);
    return found === undefined || gone.has(found.id) ? undefined : found;
  }

  #lookUp(nameOrId: string): ContainerRecord | undefined {
    const exact = this.#database.get(
      "SELECT record FROM containers WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1",
      nameOrId,
    );
    if (exact !== undefined) return containerOf(exact);
    if (!/^[0-9a-f]{1,64}$/.test(nameOrId)) return undefined;
    // "g" stands behind every hexadecimal digit.
    const rows = this.#database.all(
      "SELECT record FROM containers WHERE id >= ? AND id < ? LIMIT 2",
      nameOrId,
      `${nameOrId}g`,
    );
    if (rows.length > 1) {
      throw new TsmanError("USAGE", `find container ${nameOrId}: several ids begin with that`, {
        hint: "give more digits, or the name",
      });
    }
    const [row] = rows;
    return row === undefined ? undefined : containerOf(row);
  }

  /**
   * All containers, the newest first.
   *
   * @param accepts says by the id whether a record is wanted at all: to read one costs more than to
   * look for a file of it.
   */
  list(accepts: (id: string) => boolean = () => true): ContainerRecord[] {
    const gone = this.#marks.collect();
    return this.#database
      .all("SELECT id, record FROM containers ORDER BY created_at DESC, rowid DESC")
      .filter(({ id }) => !gone.has(id as string) && accepts(id as string))
      .map(containerOf);
  }

  /** The containers that were made from an image. */
  listByImage(imageId: Digest): ContainerRecord[] {
    this.#marks.collect();
    return this.#database
      .all("SELECT record FROM containers WHERE image_id = ? ORDER BY created_at, rowid", imageId)
      .map(containerOf);
  }

  /** How many containers were made from each image that has any, by its id. */
  countByImage(): ReadonlyMap<string, number> {
    this.#marks.collect();
    const rows = this.#database.all(
      "SELECT image_id, count(*) AS n FROM containers WHERE image_id IS NOT NULL GROUP BY image_id",
    );
    return new Map(rows.map((row) => [row.image_id as string, row.n as number]));
  }

  /**
   * Gives a container another name; the new record.
   *
   * @throws TsmanError NAME_IN_USE, CONTAINER_NOT_FOUND
   */
  rename(id: string, name: string): ContainerRecord {
    return this.change(id, ({ options }) => ({
      name,
      options: { ...options, name },
    })) as ContainerRecord;
  }

  /**
   * Changes members of a record, as it is now and not as the caller once read it; returns the new
   * one.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, NAME_IN_USE
   */
  update(id: string, patch: ContainerPatch): ContainerRecord {
    return this.change(id, () => patch) as ContainerRecord;
  }

  /**
   * Like {@link update}, but what changes, if anything, depends on the record as it is now.
   *
   * @returns the new record; undefined when `decide` wanted no change.
   */
  change(
    id: string,
    decide: (record: ContainerRecord) => ContainerPatch | undefined,
  ): ContainerRecord | undefined {
    return this.#database.transaction(() => {
      const row = this.#database.get("SELECT record FROM containers WHERE id = ?", id);
      if (row === undefined) {
        throw new TsmanError("CONTAINER_NOT_FOUND", `update container ${id}: no such container`);
      }
      const old = containerOf(row);
      const patch = decide(old);
      if (patch === undefined) return undefined;
      const record: ContainerRecord = { ...old, ...patch };
      try {
        this.#database.run(
          "UPDATE containers SET name = ?, image_id = ?, record = ? WHERE id = ?",
          record.name,
          record.imageId ?? null,
          JSON.stringify(record),
          id,
        );
      } catch (error) {
        throw isConstraintViolation(error) ? this.#nameInUse("rename", record.name, error) : error;
      }
      return record;
    });
  }

  /** Forgets a container; whether it was there.  Its directories are the caller's to remove. */
  remove(id: string): boolean {
    return this.#database.erase("DELETE FROM containers WHERE id = ?", id) > 0;
  }

  /** Whether there is a container with this very id. */
  has(id: string): boolean {
    return this.#database.get("SELECT 1 FROM containers WHERE id = ?", id) !== undefined;
  }

  /** Where a container's bundle, upper directory and log are. */
  dir(id: string): string {
    return `${this.#directory}/${checkedId(id)}`;
  }

  /** Where a container's sockets, process ids and lock are; volatile. */
  runDir(id: string): string {
    return `${this.#runtimeDir}/${checkedId(id)}`;
  }

  /** Where a native session marks that it has removed the container, all but this table's row. */
  removedMark(id: string): string {
    return this.#marks.path(checkedId(id));
  }

  /** Like {@link runDir}, made anew if a reboot has taken it. */
  ensureRunDir(id: string): string {
    const directory = this.runDir(id);
    if (existsSync(directory)) return directory;
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      // Another command was faster.
      if (!isErrno(error, "EEXIST")) throw toFileError(error, `make ${directory}`);
    }
    return directory;
  }

  /**
   * The lock of a container, in its run directory.  Its monitor holds it for its life, so whoever
   * has it knows that the container does not run, and that none can be started meanwhile.
   */
  lockPath(id: string): string {
    return path.join(this.runDir(id), "lock");
  }

  #nameInUse(verb: string, name: string, cause: unknown): TsmanError {
    const holder = this.#database.get("SELECT id FROM containers WHERE name = ?", name);
    const id = String(holder?.id ?? "another container");
    return new TsmanError(
      "NAME_IN_USE",
      `${verb} container ${name}: the name is in use by container ${id.slice(0, 12)}`,
      {
        hint: `remove that one (tsman rm ${name}), use --replace, or choose another name`,
        cause,
        details: { name, container: id },
      },
    );
  }
}

/** An id goes into paths: nothing but its own grammar may get there (security case S32). */
function checkedId(id: string): string {
  if (containerId.test(id)) return id;
  throw new TsmanError("NAME_INVALID", `use container id ${JSON.stringify(id)}: not 64 hex digits`);
}

function containerOf(row: Row): ContainerRecord {
  return JSON.parse(row.record as string) as ContainerRecord;
}
