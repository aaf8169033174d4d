import { readdirSync, unlinkSync } from "node:fs";
import path from "node:path";
import { isErrno } from "../platform/errno.ts";
import type { Database } from "./database.ts";

const idPattern = /^[0-9a-f]{64}$/;

/**
 * Marks of containers that their monitor has removed, all but their row: a session without Node can
 * write no database (native/session.h).  An empty file of the container's id each.
 */
export class RemovedMarks {
  readonly #database: Database;
  readonly #directory: string;

  constructor(database: Database, root: string) {
    this.#database = database;
    this.#directory = path.join(root, "gone");
  }

  /** Where a container's mark is to be made. */
  path(id: string): string {
    return path.join(this.#directory, id);
  }

  /**
   * Deletes the rows of marked containers, then the marks.
   *
   * @returns the ids of those whose rows cannot be deleted now (a read-only store, a full disk): they
   * do not exist all the same.
   */
  collect(): ReadonlySet<string> {
    const left = new Set<string>();
    for (const id of this.#list()) {
      try {
        this.#database.erase("DELETE FROM containers WHERE id = ?", id);
        unlinkSync(this.path(id));
      } catch (error) {
        // Another command has just done the same.
        if (!isErrno(error, "ENOENT")) left.add(id);
      }
    }
    return left;
  }

  #list(): string[] {
    try {
      return readdirSync(this.#directory).filter((name) => idPattern.test(name));
    } catch {
      // A store of an earlier version has none.
      return [];
    }
  }
}
