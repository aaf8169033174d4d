import {
  closeSync,
  existsSync,
  linkSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { isTsmanError, TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { randomHex } from "../platform/random.ts";
import { releaseReserve } from "./reserve.ts";
import { migrations } from "./schema.ts";

/** One row as SQLite gives it. */
export type Row = Readonly<Record<string, unknown>>;

/** How long a command waits for another one's transaction; transactions last milliseconds. */
const busyTimeoutMs = 10_000;

/**
 * Pages in the write-ahead log before it is copied into the database.  A command that ends without
 * closing leaves the log to the next one, which has to read it again: SQLite's 1000 pages (4 MB)
 * would cost that one milliseconds.
 */
const checkpointPages = 200;

/** What SQLite grows its files by at once, as far as we use it: its index, 32 KiB, and some pages. */
const probeBytes = 64 * 1024;

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html. */
const sqliteCode = {
  error: 1,
  busy: 5,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  constraint: 19,
  notADatabase: 26,
} as const;

const sqlite = loadSqlite();

/**
 * Node 24.0 says on stderr that its SQLite is experimental (later versions do not), and stderr is
 * for what concerns the user: the module is loaded with warnings off for that moment.
 */
function loadSqlite(): typeof import("node:sqlite") {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule("node:sqlite");
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** The metadata of a store: SQLite, and what of its failures a user can do something about. */
export class Database {
  readonly path: string;
  readonly #statements = new Map<string, StatementSync>();
  #connection: DatabaseSync;
  /** Opened without a write, since none was possible. */
  #isReadOnly: boolean;
  #isInTransaction = false;

  private constructor(path: string, connection: DatabaseSync, isReadOnly: boolean) {
    this.path = path;
    this.#connection = connection;
    this.#isReadOnly = isReadOnly;
  }

  /**
   * Opens the database at `path`; makes it, complete, when there is none.  Where nothing can be
   * written (full disk, read-only file system) it can at least be read.
   *
   * @throws TsmanError STORE_NEWER, STORE_CORRUPT, PREFLIGHT_STORAGE, DISK_FULL.
   */
  static open(path: string): Database {
    if (!existsSync(path)) createDatabase(path);
    try {
      return new Database(path, connect(path), false);
    } catch (error) {
      const connection = isWriteFailure(error) ? connectReadOnly(path) : undefined;
      if (connection === undefined) throw storeError(error, path);
      return new Database(path, connection, true);
    }
  }

  /** The first row, or undefined. */
  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#guard(() => this.#statement(sql).get(...values) as Row | undefined);
  }

  /** All rows. */
  all(sql: string, ...values: readonly SQLInputValue[]): Row[] {
    return this.#guard(() => this.#statement(sql).all(...values) as Row[]);
  }

  /** Runs a statement; how many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    this.#ensureWritable();
    return this.#guard(() => Number(this.#statement(sql).run(...values).changes));
  }

  /**
   * Like {@link run}, for what makes room: on a full disk, where SQLite could not write down that
   * rows are gone, it takes the space that the store holds back.
   */
  erase(sql: string, ...values: readonly SQLInputValue[]): number {
    try {
      return this.run(sql, ...values);
    } catch (error) {
      const isRelieved = isTsmanError(error, "DISK_FULL") && releaseReserve(dirname(this.path));
      if (!isRelieved) throw error;
      return this.run(sql, ...values);
    }
  }

  /**
   * Runs `work` in one transaction that is begun for writing, so that what it reads cannot change
   * before it writes; an exception undoes it.  Within a transaction it is part of that one.
   */
  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
    this.#ensureWritable();
    this.#guard(() => this.#connection.exec("BEGIN IMMEDIATE"));
    this.#isInTransaction = true;
    try {
      const result = work();
      this.#guard(() => this.#connection.exec("COMMIT"));
      return result;
    } catch (error) {
      // The original failure may have ended the transaction already (disk full).
      if (this.#connection.isTransaction) this.#connection.exec("ROLLBACK");
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  /**
   * What is wrong with it, in SQLite's words; empty: nothing.
   *
   * @param isQuick leave out what compares indices with rows.
   */
  verify(isQuick: boolean): readonly string[] {
    const check = isQuick ? "quick_check" : "integrity_check";
    const complaints = this.all(`PRAGMA ${check}(10)`).map((row) => String(row[check]));
    const strays = this.all("PRAGMA foreign_key_check").map(
      (row) => `a row of ${String(row.table)} refers to ${String(row.parent)}, which is not there`,
    );
    return [...complaints.filter((text) => text !== "ok"), ...strays];
  }

  /** Copies the log into the database and lets go of both; costs some fsyncs. */
  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #ensureWritable(): void {
    if (!this.#isReadOnly) return;
    // First: connections of one process share the index of the log, and it is read-only here.
    this.close();
    try {
      this.#connection = connect(this.path);
      this.#isReadOnly = false;
    } catch (error) {
      this.#connection = connectReadOnly(this.path) ?? this.#connection;
      throw storeError(error, this.path);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw isConstraintViolation(error) ? error : storeError(error, this.path);
    }
  }
}

function connect(path: string): DatabaseSync {
  const connection = new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs });
  try {
    connection.exec(
      // In WAL mode NORMAL survives kill -9 and loss of power; only the last commits before a
      // loss of power may be undone (https://www.sqlite.org/pragma.html#pragma_synchronous).
      `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${checkpointPages}`,
    );
    migrate(connection, path);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/**
 * Opens a database of the present format without writing a byte, which WAL mode otherwise does even
 * for reading (https://www.sqlite.org/wal.html#read_only_databases); undefined when that fails too.
 */
function connectReadOnly(path: string): DatabaseSync | undefined {
  // Reads the log into memory instead of sharing an index of it.
  const parameters = ["mode=ro&readonly_shm=1"];
  // Ignores the log, so only where there is none; nobody can begin one while nobody can write.
  if (!hasContent(`${path}-wal`)) parameters.push("mode=ro&immutable=1");
  for (const parameter of parameters) {
    const url = pathToFileURL(path);
    url.search = parameter;
    const connection = new sqlite.DatabaseSync(url, { timeout: busyTimeoutMs });
    try {
      if (readVersion(connection) === migrations.length) return connection;
    } catch {
      // Perhaps the other way.
    }
    connection.close();
  }
  return undefined;
}

function hasContent(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/** Whether SQLite wanted to write and could not. */
function isWriteFailure(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== undefined && writeFailures.has(code);
}

const writeFailures: ReadonlySet<number> = new Set([
  sqliteCode.readonly,
  sqliteCode.io,
  sqliteCode.full,
  sqliteCode.cannotOpen,
]);

/** Whether a write was refused because a unique value is taken. */
export function isConstraintViolation(error: unknown): boolean {
  return primaryCode(error) === sqliteCode.constraint;
}

/**
 * Makes a complete database under another name and gives it its own by link(2), which exactly one
 * of several processes can do: nobody ever opens a database without its tables.
 */
function createDatabase(path: string): void {
  const temporary = `${path}.${randomHex(6)}.tmp`;
  try {
    // SQLite gives a new file the mode that the umask leaves; journal and log copy ours.
    closeSync(openSync(temporary, "wx", 0o600));
    const connection = new sqlite.DatabaseSync(temporary);
    try {
      migrate(connection, temporary);
    } finally {
      connection.close();
    }
    linkSync(temporary, path);
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw storeError(error, path);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function migrate(connection: DatabaseSync, path: string): void {
  const version = readVersion(connection);
  if (version === migrations.length) return;
  if (version > migrations.length) throw newerStore(path, version);
  // Kept in the file, so said once; it cannot be said within a transaction.
  if (version === 0) connection.exec("PRAGMA journal_mode = WAL");
  connection.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have done it while we waited for the transaction.
    for (const step of migrations.slice(readVersion(connection))) connection.exec(step);
    connection.exec(`PRAGMA user_version = ${migrations.length}`);
    connection.exec("COMMIT");
  } catch (error) {
    if (connection.isTransaction) connection.exec("ROLLBACK");
    throw error;
  }
}

function readVersion(connection: DatabaseSync): number {
  return Number(connection.prepare("PRAGMA user_version").get()?.user_version);
}

function newerStore(path: string, version: number): TsmanError {
  return new TsmanError(
    "STORE_NEWER",
    `open store ${path}: its format is ${version}, this tsman knows up to ${migrations.length}`,
    {
      hint: "use the newer tsman that wrote it, or another store with --root",
      details: { version },
    },
  );
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const code: unknown = Reflect.get(error, "errcode");
  // The upper bits hold the extended code.
  return typeof code === "number" ? code & 0xff : undefined;
}

/** A failure of SQLite, in words that lead to a remedy. */
function storeError(error: unknown, path: string): TsmanError {
  const code = primaryCode(error);
  if (isErrno(error, "ERR_INVALID_STATE")) {
    return new TsmanError("USAGE", `use store ${path}: it was closed`, { cause: error });
  }
  if (code === undefined) return toFileError(error, `open store ${path}`);
  const why = error instanceof Error ? error.message : String(error);
  const message = `use store ${path}: ${why}`;
  const details = { path, sqlite: code };
  const refusal = writeFailures.has(code) ? tryToWrite(dirname(path)) : undefined;
  if (refusal !== undefined) return toFileError(refusal, `write store ${dirname(path)}`);
  switch (code) {
    case sqliteCode.corrupt:
    case sqliteCode.notADatabase:
      return new TsmanError("STORE_CORRUPT", message, {
        hint: `move ${path} away: images have to be pulled again, containers are forgotten`,
        cause: error,
        details,
      });
    case sqliteCode.full:
      return new TsmanError("DISK_FULL", message, {
        hint: "free space on its file system, or use another store with --root",
        cause: error,
        details,
      });
    case sqliteCode.readonly:
    case sqliteCode.cannotOpen:
    case sqliteCode.io:
      return new TsmanError("PREFLIGHT_STORAGE", message, {
        hint: "the store must be writable by you: check its file system, or use --root",
        cause: error,
        details,
      });
    case sqliteCode.busy:
      return new TsmanError("PREFLIGHT_STORAGE", message, {
        hint: "another tsman holds the store for too long: see which with fuser, then try again",
        cause: error,
        details,
      });
    default:
      return new TsmanError("INTERNAL", message, { cause: error, details });
  }
}

/**
 * What the kernel says to a write in `directory`, since SQLite says little: "disk I/O error" for a
 * full disk as for a quota.  Undefined when it works.
 */
function tryToWrite(directory: string): unknown {
  const file = `${directory}/store.db.${randomHex(6)}.tmp`;
  try {
    writeFileSync(file, Buffer.alloc(probeBytes), { flag: "wx", mode: 0o600 });
    return undefined;
  } catch (error) {
    return error;
  } finally {
    rmSync(file, { force: true });
  }
}
