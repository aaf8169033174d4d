import { TsmanError } from "../errors/index.ts";
import type { ChainId, DiffId, Digest } from "../oci/digest.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { Database, Row } from "./database.ts";

/** One layer of an image, lowest first. */
export interface ImageLayer {
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  /** Digest of the layer as the registry hands it out. */
  readonly blob: Digest;
  /** Bytes of the blob. */
  readonly size: number;
  readonly mediaType: string;
}

/** An image whose manifest and config are known and verified. */
export interface ImageRecord {
  /** Digest of the image config. */
  readonly id: Digest;
  readonly manifestDigest: Digest;
  readonly config: ImageConfig;
  readonly layers: readonly ImageLayer[];
  /** Bytes of all its layers. */
  readonly size: number;
  /** When the image was built, RFC 3339. */
  readonly createdAt: string;
  /** Full names, `registry/repository:tag`; none for an image that lost them all. */
  readonly names: readonly string[];
  /** `registry/repository@sha256:…`. */
  readonly digests: readonly string[];
}

// One query per image, names and digests included: `run` of a present image does exactly this.
const selectImage = `
  SELECT i.id, i.manifest_digest, i.size, i.created_at, i.layers, i.config,
    (SELECT json_group_array(name) FROM image_names WHERE image_id = i.id) AS names,
    (SELECT json_group_array(digest) FROM image_digests WHERE image_id = i.id) AS digests
  FROM images i`;

/** The images of a store. */
export class ImageTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Enters an image, or what is new about it, with its names: they move here from other images. */
  put(record: ImageRecord): void {
    this.#database.transaction(() => {
      this.#database.run(
        `INSERT INTO images (id, manifest_digest, size, created_at, layers, config)
         VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET manifest_digest = excluded.manifest_digest,
           size = excluded.size, created_at = excluded.created_at, layers = excluded.layers,
           config = excluded.config`,
        record.id,
        record.manifestDigest,
        record.size,
        record.createdAt,
        JSON.stringify(record.layers),
        JSON.stringify(record.config),
      );
      for (const name of record.names) this.tag(record.id, name);
      for (const digest of record.digests) this.addDigest(record.id, digest);
    });
  }

  /** Notes that an image is known as `repository@digest` too; nothing for one that is not here. */
  addDigest(id: Digest, digest: string): void {
    this.#database.run(
      "INSERT INTO image_digests (digest, image_id) SELECT ?, id FROM images WHERE id = ? " +
        "ON CONFLICT (digest) DO UPDATE SET image_id = excluded.image_id",
      digest,
      id,
    );
  }

  /**
   * Gives an image a full name; another image, or a manifest list, that has it loses it: to be
   * called in a transaction.
   *
   * @throws TsmanError IMAGE_NOT_FOUND
   */
  tag(id: Digest, name: string): void {
    const changed = this.#database.run(
      "INSERT INTO image_names (name, image_id) SELECT ?, id FROM images WHERE id = ? " +
        "ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id",
      name,
      id,
    );
    if (changed === 0) {
      throw new TsmanError("IMAGE_NOT_FOUND", `name image ${id} ${name}: not in the local store`);
    }
    this.#database.run("DELETE FROM manifest_list_names WHERE name = ?", name);
  }

  /** Takes a full name away from an image; whether it had it. */
  untag(id: Digest, name: string): boolean {
    const sql = "DELETE FROM image_names WHERE name = ? AND image_id = ?";
    return this.#database.erase(sql, name, id) > 0;
  }

  /** By full name, `registry/repository:tag` or `registry/repository@sha256:…`. */
  findByName(fullName: string): ImageRecord | undefined {
    const table = fullName.includes("@") ? "image_digests" : "image_names";
    const column = fullName.includes("@") ? "digest" : "name";
    const row = this.#database.get(
      `${selectImage} WHERE i.id = (SELECT image_id FROM ${table} WHERE ${column} = ?)`,
      fullName,
    );
    return row === undefined ? undefined : imageOf(row);
  }

  /**
   * By id or by the beginning of one, with or without `sha256:`.
   *
   * @throws TsmanError USAGE when several images have ids that begin so.
   */
  findById(prefix: string): ImageRecord | undefined {
    const start = prefix.startsWith("sha256:") ? prefix : `sha256:${prefix}`;
    // "g" stands behind every hexadecimal digit.
    const rows = this.#database.all(
      `${selectImage} WHERE i.id >= ? AND i.id < ? LIMIT 2`,
      start,
      `${start}g`,
    );
    if (rows.length > 1) {
      throw new TsmanError("USAGE", `find image ${prefix}: several ids begin with that`, {
        hint: "give more digits",
      });
    }
    const [row] = rows;
    return row === undefined ? undefined : imageOf(row);
  }

  /** All images, the newest build first. */
  list(): ImageRecord[] {
    return this.#database.all(`${selectImage} ORDER BY i.created_at DESC, i.id`).map(imageOf);
  }

  /**
   * Forgets an image, its names and digests, unless a container was made of it.  Its content stays.
   *
   * @param names unless it has another name than these: one that was given since; missing: any.
   * @returns whether it was there, and is not any more.
   */
  remove(id: Digest, names?: readonly string[]): boolean {
    // In one statement, as the making of a container is: one of the two sees the other.
    return (
      this.#database.erase(
        `DELETE FROM images WHERE id = ?1
         AND NOT EXISTS (SELECT 1 FROM containers WHERE image_id = ?1)
         AND (?2 IS NULL OR NOT EXISTS (SELECT 1 FROM image_names
           WHERE image_id = ?1 AND name NOT IN (SELECT value FROM json_each(?2))))`,
        id,
        names === undefined ? null : JSON.stringify(names),
      ) > 0
    );
  }
}

function imageOf(row: Row): ImageRecord {
  return {
    id: row.id as Digest,
    manifestDigest: row.manifest_digest as Digest,
    size: row.size as number,
    createdAt: row.created_at as string,
    layers: JSON.parse(row.layers as string) as ImageLayer[],
    config: JSON.parse(row.config as string) as ImageConfig,
    names: JSON.parse(row.names as string) as string[],
    digests: JSON.parse(row.digests as string) as string[],
  };
}
