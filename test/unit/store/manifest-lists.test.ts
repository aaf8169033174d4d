import { rmSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { usedBlobs } from "../../../src/store/gc.ts";
import { contentOfList, type ManifestListEntry } from "../../../src/store/manifest-lists.ts";
import { migrations } from "../../../src/store/schema.ts";
import { openStore } from "../../../src/store/store.ts";
import {
  digestOf,
  imageRecord,
  type ScratchStore,
  scratchDirectory,
  scratchStore,
  storePaths,
} from "./scratch-store.ts";

const name = "localhost/multi:latest";
const entry: ManifestListEntry = {
  name: "busybox",
  source: "docker://registry.example/busybox:latest",
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  digest: digestOf("manifest"),
  size: 8,
  platform: { os: "linux", architecture: "amd64" },
  annotations: {},
  blobs: [digestOf("config"), digestOf("layer")],
};

let scratch: ScratchStore;
beforeEach(() => {
  scratch = scratchStore();
});
afterEach(() => scratch[Symbol.dispose]());

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    return isTsmanError(error) ? error.code : String(error);
  }
  return undefined;
}

it("a name stands for a list or for an image, never for both", () => {
  const { images, manifestLists } = scratch.store;
  const image = imageRecord("one");
  images.put(image);
  const taken = image.names[0] ?? "";
  expect(codeOf(() => manifestLists.create(taken))).toBe("NAME_IN_USE");
  const { id } = manifestLists.create(name);
  expect(codeOf(() => manifestLists.create(name))).toBe("NAME_IN_USE");
  manifestLists.tag(id, taken);
  expect(images.findByName(taken)).toBeUndefined();
  expect(manifestLists.findByName(taken)?.id).toBe(id);
  scratch.store.transaction(() => images.tag(image.id, taken));
  expect(manifestLists.findByName(taken)).toBeUndefined();
  expect(manifestLists.findById(id.slice(0, 12))?.names).toEqual([name]);
});

it("a list that is changed keeps its id and names, and is not what was fetched any more", () => {
  const { manifestLists } = scratch.store;
  const original = {
    digest: digestOf("index"),
    mediaType: "application/vnd.oci.image.index.v1+json",
    size: 5,
    content: [digestOf("attestation")],
  };
  const made = manifestLists.put({ names: [name], entries: [entry], original });
  expect(manifestLists.findByName(name)).toEqual(made);
  expect([...usedBlobs(scratch.store)]).toEqual([...contentOfList(made)]);
  expect(contentOfList(made)).toContain(digestOf("attestation"));
  const changed = manifestLists.update(made.id, () => []);
  expect(changed).toMatchObject({ id: made.id, names: [name], entries: [], original: undefined });
  expect(usedBlobs(scratch.store).size).toBe(0);
});

it("a list that was given another name meanwhile is not removed", () => {
  const { manifestLists } = scratch.store;
  const { id } = manifestLists.create(name);
  manifestLists.tag(id, "localhost/other:latest");
  expect(manifestLists.remove(id, [name])).toBe(false);
  expect(manifestLists.untag(id, name)).toBe(true);
  expect(manifestLists.untag(id, name)).toBe(false);
  expect(manifestLists.remove(id, ["localhost/other:latest"])).toBe(true);
  expect(manifestLists.list()).toEqual([]);
  expect(codeOf(() => manifestLists.tag(id, name))).toBe("IMAGE_NOT_FOUND");
  expect(codeOf(() => manifestLists.update(id, (entries) => entries))).toBe("IMAGE_NOT_FOUND");
});

it("lists of a store in which they had one name each are taken over", () => {
  const base = scratchDirectory();
  try {
    const paths = storePaths(base);
    openStore(paths).close();
    const file = path.join(paths.root, "store.db");
    const database = new DatabaseSync(file);
    database.exec("DROP TABLE manifest_list_names; DROP TABLE manifest_lists");
    database.exec(migrations[1] ?? "");
    const insert = "INSERT INTO manifest_lists (name, entries) VALUES (?, ?)";
    database.prepare(insert).run(name, JSON.stringify([entry]));
    database.exec("PRAGMA user_version = 2");
    database.close();
    const store = openStore(paths);
    const list = store.manifestLists.findByName(name);
    expect(list).toMatchObject({ names: [name], entries: [entry] });
    expect(list?.id).toMatch(/^[0-9a-f]{64}$/);
    store.close();
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
