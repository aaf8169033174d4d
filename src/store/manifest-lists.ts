import { TsmanError } from "../errors/index.ts";
import type { Digest } from "../oci/digest.ts";
import type { ListedManifest } from "../oci/manifest-list.ts";
import { randomHex } from "../platform/random.ts";
import type { Database, Row } from "./database.ts";

/** A manifest of a list, and where its image is. */
export interface ManifestListEntry extends ListedManifest {
  /** As the user called it. */
  readonly name: string;
  /** Where its blobs are that the store does not have: a location of oci/image-location.ts. */
  readonly source: string;
  /** Config, then layers; the config's digest is the id that the image has in a store. */
  readonly blobs: readonly Digest[];
}

/** The index that a list came as, whose bytes the store has as a blob. */
export interface OriginalIndex {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  /** All that it leads to, and that the store has: manifests, indexes, blobs. */
  readonly content: readonly Digest[];
}

/** An index of the store: one that is being made, or one that was fetched. */
export interface ManifestListRecord {
  /** 64 hexadecimal digits, random: what it lists may change. */
  readonly id: string;
  /** `registry/repository:tag`; none for a list whose names others have taken. */
  readonly names: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
  readonly entries: readonly ManifestListEntry[];
  /** Missing for one that was made or changed here. */
  readonly original?: OriginalIndex | undefined;
}

const selectList = `
  SELECT l.id, l.created_at, l.entries, l.original,
    (SELECT json_group_array(name) FROM manifest_list_names WHERE list_id = l.id) AS names
  FROM manifest_lists l`;

/** The manifest lists of a store; a name stands for a list or for an image, never for both. */
export class ManifestListTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By full name. */
  findByName(name: string): ManifestListRecord | undefined {
    const row = this.#database.get(
      `${selectList} WHERE l.id = (SELECT list_id FROM manifest_list_names WHERE name = ?)`,
      name,
    );
    return row === undefined ? undefined : listOf(row);
  }

  /**
   * By id or the beginning of one.
   *
   * @throws TsmanError USAGE when several lists have ids that begin so
   */
  findById(prefix: string): ManifestListRecord | undefined {
    // "g" stands behind every hexadecimal digit.
    const rows = this.#database.all(
      `${selectList} WHERE l.id >= ? AND l.id < ? LIMIT 2`,
      prefix,
      `${prefix}g`,
    );
    if (rows.length > 1) {
      throw new TsmanError("USAGE", `find manifest list ${prefix}: several ids begin with that`, {
        hint: "give more digits",
      });
    }
    const [row] = rows;
    return row === undefined ? undefined : listOf(row);
  }

  /** All of them, the newest first. */
  list(): ManifestListRecord[] {
    return this.#database.all(`${selectList} ORDER BY l.created_at DESC, l.id`).map(listOf);
  }

  /**
   * Enters a list under a name that neither a list nor an image has.
   *
   * @throws TsmanError NAME_IN_USE
   */
  create(name: string): ManifestListRecord {
    return this.#database.transaction(() => {
      const isImage =
        this.#database.get("SELECT 1 FROM image_names WHERE name = ?", name) !== undefined;
      if (isImage) {
        throw new TsmanError(
          "NAME_IN_USE",
          `create manifest list ${name}: an image has this name`,
          {
            hint: "choose another name, or take it away: tsman untag",
          },
        );
      }
      if (this.findByName(name) !== undefined) {
        throw new TsmanError("NAME_IN_USE", `create manifest list ${name}: there is one`, {
          hint: "add to it with --amend, or remove it with: tsman manifest rm",
        });
      }
      return this.put({ names: [name], entries: [] });
    });
  }

  /** Enters a list; its names move here from other lists and images. */
  put(list: Pick<ManifestListRecord, "names" | "entries" | "original">): ManifestListRecord {
    const record = { ...list, id: randomHex(32), createdAt: new Date().toISOString() };
    return this.#database.transaction(() => {
      this.#database.run(
        "INSERT INTO manifest_lists (id, created_at, entries, original) VALUES (?, ?, ?, ?)",
        record.id,
        record.createdAt,
        JSON.stringify(record.entries),
        record.original === undefined ? null : JSON.stringify(record.original),
      );
      for (const name of record.names) this.tag(record.id, name);
      return record;
    });
  }

  /**
   * Gives a list a full name; another list, or an image, that has it loses it.
   *
   * @throws TsmanError IMAGE_NOT_FOUND
   */
  tag(id: string, name: string): void {
    this.#database.transaction(() => {
      const changed = this.#database.run(
        "INSERT INTO manifest_list_names (name, list_id) SELECT ?, id FROM manifest_lists " +
          "WHERE id = ? ON CONFLICT (name) DO UPDATE SET list_id = excluded.list_id",
        name,
        id,
      );
      if (changed === 0) {
        throw new TsmanError("IMAGE_NOT_FOUND", `name manifest list ${id} ${name}: it was removed`);
      }
      this.#database.run("DELETE FROM image_names WHERE name = ?", name);
    });
  }

  /** Takes a full name away from a list; whether it had it. */
  untag(id: string, name: string): boolean {
    const sql = "DELETE FROM manifest_list_names WHERE name = ? AND list_id = ?";
    return this.#database.erase(sql, name, id) > 0;
  }

  /**
   * Changes the entries of a list, in one transaction; it is not what was fetched any more.
   *
   * @throws TsmanError IMAGE_NOT_FOUND when it was removed; what `change` throws
   */
  update(
    id: string,
    change: (entries: readonly ManifestListEntry[]) => readonly ManifestListEntry[],
  ): ManifestListRecord {
    return this.#database.transaction(() => {
      const record = this.findById(id);
      if (record === undefined) {
        throw new TsmanError("IMAGE_NOT_FOUND", `change manifest list ${id}: it was removed`);
      }
      const entries = change(record.entries);
      this.#database.run(
        "UPDATE manifest_lists SET entries = ?, original = NULL WHERE id = ?",
        JSON.stringify(entries),
        id,
      );
      return { ...record, entries, original: undefined };
    });
  }

  /**
   * Forgets a list and its names.
   *
   * @param names unless it has another name than these: one that was given since; missing: any.
   * @returns whether it was there, and is not any more.
   */
  remove(id: string, names?: readonly string[]): boolean {
    return (
      this.#database.erase(
        `DELETE FROM manifest_lists WHERE id = ?1
         AND (?2 IS NULL OR NOT EXISTS (SELECT 1 FROM manifest_list_names
           WHERE list_id = ?1 AND name NOT IN (SELECT value FROM json_each(?2))))`,
        id,
        names === undefined ? null : JSON.stringify(names),
      ) > 0
    );
  }
}

/** The content of the store that a list needs: of its entries, and of the index that it came as. */
export function contentOfList({ entries, original }: ManifestListRecord): readonly Digest[] {
  return [
    ...entries.flatMap(({ digest, blobs }) => [digest, ...blobs]),
    ...(original === undefined ? [] : [original.digest, ...original.content]),
  ];
}

function listOf(row: Row): ManifestListRecord {
  return {
    id: row.id as string,
    names: JSON.parse(row.names as string) as string[],
    createdAt: row.created_at as string,
    entries: JSON.parse(row.entries as string) as ManifestListEntry[],
    ...(row.original !== null && {
      original: JSON.parse(row.original as string) as OriginalIndex,
    }),
  };
}
