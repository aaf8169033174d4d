import { TsmanError } from "../errors/index.ts";
import type { Digest } from "../oci/digest.ts";
import type { ListedManifest } from "../oci/manifest-list.ts";
import { type Database, isConstraintViolation } from "./database.ts";

/** A manifest of a list, and where its image is. */
export interface ManifestListEntry extends ListedManifest {
  /** As the user called it. */
  readonly name: string;
  /** Where its blobs are that the store does not have: a location of oci/image-location.ts. */
  readonly source: string;
  /** Config and layers. */
  readonly blobs: readonly Digest[];
}

/** An index that is being made, under a name. */
export interface ManifestListRecord {
  /** `registry/repository:tag`. */
  readonly name: string;
  readonly entries: readonly ManifestListEntry[];
}

/** The manifest lists of a store. */
export class ManifestListTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  find(name: string): ManifestListRecord | undefined {
    const row = this.#database.get("SELECT entries FROM manifest_lists WHERE name = ?", name);
    if (row === undefined) return undefined;
    return { name, entries: JSON.parse(row.entries as string) as ManifestListEntry[] };
  }

  /** All of them, by name. */
  list(): ManifestListRecord[] {
    return this.#database
      .all("SELECT name, entries FROM manifest_lists ORDER BY name")
      .map((row) => ({
        name: row.name as string,
        entries: JSON.parse(row.entries as string) as ManifestListEntry[],
      }));
  }

  /** @throws TsmanError NAME_IN_USE */
  create(record: ManifestListRecord): void {
    try {
      this.#database.run(
        "INSERT INTO manifest_lists (name, entries) VALUES (?, ?)",
        record.name,
        JSON.stringify(record.entries),
      );
    } catch (error) {
      if (!isConstraintViolation(error)) throw error;
      throw new TsmanError("NAME_IN_USE", `create manifest list ${record.name}: there is one`, {
        hint: "add to it with --amend, or remove it with: tsman manifest rm",
        cause: error,
      });
    }
  }

  /**
   * Changes the entries of a list, in one transaction.
   *
   * @throws TsmanError IMAGE_NOT_FOUND when it was removed; what `change` throws
   */
  update(
    name: string,
    change: (entries: readonly ManifestListEntry[]) => readonly ManifestListEntry[],
  ): ManifestListRecord {
    return this.#database.transaction(() => {
      const record = this.find(name);
      if (record === undefined) {
        throw new TsmanError("IMAGE_NOT_FOUND", `change manifest list ${name}: it was removed`);
      }
      const entries = change(record.entries);
      this.#database.run(
        "UPDATE manifest_lists SET entries = ? WHERE name = ?",
        JSON.stringify(entries),
        name,
      );
      return { name, entries };
    });
  }

  /** Forgets a list; whether it was there. */
  remove(name: string): boolean {
    return this.#database.erase("DELETE FROM manifest_lists WHERE name = ?", name) > 0;
  }
}
