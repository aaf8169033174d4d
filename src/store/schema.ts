/**
 * The steps from an empty database to the present format; `PRAGMA user_version` says how many of
 * them a database has seen.  A step that was released never changes: add another one.
 *
 * What is only ever read as a whole (an image's config, a container's options) is a JSON text:
 * written by us from checked values, so that reading it takes no validation.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    manifest_digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    layers TEXT NOT NULL,
    config TEXT NOT NULL
  ) STRICT;
  CREATE TABLE image_names (
    name TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_names_by_image ON image_names (image_id);
  CREATE TABLE image_digests (
    digest TEXT PRIMARY KEY,
    image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_digests_by_image ON image_digests (image_id);
  CREATE TABLE layers (
    mapping_key TEXT NOT NULL,
    chain_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    boot_id TEXT NOT NULL,
    is_synced INTEGER NOT NULL,
    PRIMARY KEY (mapping_key, chain_id)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE containers (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image_id TEXT,
    created_at TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT;
  CREATE TABLE volumes (
    name TEXT PRIMARY KEY,
    is_anonymous INTEGER NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE manifest_lists (name TEXT PRIMARY KEY, entries TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  ALTER TABLE manifest_lists RENAME TO named_lists;
  ALTER TABLE named_lists ADD COLUMN id TEXT;
  UPDATE named_lists SET id = lower(hex(randomblob(32)));
  CREATE TABLE manifest_lists (
    id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    entries TEXT NOT NULL,
    original TEXT
  ) STRICT;
  CREATE TABLE manifest_list_names (
    name TEXT PRIMARY KEY,
    list_id TEXT NOT NULL REFERENCES manifest_lists (id) ON DELETE CASCADE
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_list_names_by_list ON manifest_list_names (list_id);
  INSERT INTO manifest_lists (id, created_at, entries)
    SELECT id, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), entries FROM named_lists;
  INSERT INTO manifest_list_names (name, list_id) SELECT name, id FROM named_lists;
  DROP TABLE named_lists;
  `,
];
