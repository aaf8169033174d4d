import { closeSync, existsSync, linkSync, openSync, rmSync } from "node:fs";
import process from "node:process";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { randomHex } from "../platform/random.ts";
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
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #isInTransaction = false;

  private constructor(path: string, connection: DatabaseSync) {
    this.path = path;
    this.#connection = connection;
  }

  /**
   * Opens the database at `path`; makes it, complete, when there is none.
   *
   * @throws TsmanError STORE_NEWER, STORE_CORRUPT, PREFLIGHT_STORAGE, DISK_FULL.
   */
  static open(path: string): Database {
    if (!existsSync(path)) createDatabase(path);
    try {
      return Database.#openExisting(path);
    } catch (error) {
      throw storeError(error, path);
    }
  }

  static #openExisting(path: string): Database {
    const connection = new sqlite.DatabaseSync(path, { timeout: busyTimeoutMs });
    try {
      connection.exec(
        // In WAL mode NORMAL survives kill -9 and loss of power; only the last commits before a
        // loss of power may be undone (https://www.sqlite.org/pragma.html#pragma_synchronous).
        `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${checkpointPages}`,
      );
      migrate(connection, path);
      return new Database(path, connection);
    } catch (error) {
      connection.close();
      throw error;
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
    return this.#guard(() => Number(this.#statement(sql).run(...values).changes));
  }

  /**
   * Runs `work` in one transaction that is begun for writing, so that what it reads cannot change
   * before it writes; an exception undoes it.  Within a transaction it is part of that one.
   */
  transaction<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
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

  /** Copies the log into the database and lets go of both; costs some fsyncs. */
  close(): void {
    this.#statements.clear();
    if (this.#connection.isOpen) this.#connection.close();
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
  if (code === undefined) return toFileError(error, `open store ${path}`);
  const why = error instanceof Error ? error.message : String(error);
  const message = `use store ${path}: ${why}`;
  const details = { path, sqlite: code };
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
