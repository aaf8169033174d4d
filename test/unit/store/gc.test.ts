import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { ChainId } from "../../../src/oci/digest.ts";
import { tryLockFile } from "../../../src/platform/file-lock.ts";
import { collectGarbage } from "../../../src/store/gc.ts";
import { removeTree } from "./remove-tree.ts";
import {
  chainIdOf,
  containerIdOf,
  containerRecord,
  digestOf,
  imageRecord,
  mappingKey,
  scratchStore,
} from "./scratch-store.ts";

const hour = 60 * 60 * 1000;
const week = 7 * 24 * hour;

describe("the garbage collection", () => {
  it("removes content that no image refers to, and keeps the rest", async () => {
    using scratch = scratchStore();
    const { store } = scratch;
    const image = imageRecord("kept");
    store.images.put(image);
    for (const name of ["layer of kept", "layer of nothing"]) {
      store.layers.begin(mappingKey, chainIdOf(name));
      store.layers.commit(mappingKey, chainIdOf(name), 1);
    }
    store.blobs.put(digestOf("manifest of kept"), Buffer.from("manifest of kept"));
    store.blobs.put(digestOf("blob of nothing"), Buffer.from("blob of nothing"));
    const removed = await collectGarbage(store, { removeTree });
    expect(removed.map(({ kind }) => kind).toSorted()).toEqual(["blob", "layer"]);
    expect(store.layers.has(mappingKey, chainIdOf("layer of kept"))).toBe(true);
    expect(store.layers.has(mappingKey, chainIdOf("layer of nothing"))).toBe(false);
    expect(store.blobs.list()).toEqual([image.manifestDigest]);
    expect(await collectGarbage(store, { removeTree })).toEqual([]);
  });

  it("leaves content alone while a pull goes on", async () => {
    using scratch = scratchStore();
    const { store } = scratch;
    store.blobs.put(digestOf("new"), Buffer.from("new"));
    await using _pull = await store.lockContent({ shared: true });
    expect(await collectGarbage(store, { removeTree })).toEqual([]);
    expect(store.blobs.has(digestOf("new"))).toBe(true);
  });

  it("removes a layer whose unpacking died, not one that is being unpacked", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    layers.begin(mappingKey, chainIdOf("dead"));
    layers.begin(mappingKey, chainIdOf("alive"));
    await using _lock = await layers.lock(mappingKey, chainIdOf("alive"));
    await collectGarbage(scratch.store, { removeTree });
    expect(layers.listPartials().map((partial) => partial.lockPath)).toEqual([
      layers.lockPath(mappingKey, chainIdOf("alive")),
    ]);
  });

  it("removes a layer that has its final name but no row: its command was killed", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    const [dead, alive, complete] = ["dead", "alive", "complete"].map(chainIdOf) as [
      ChainId,
      ChainId,
      ChainId,
    ];
    for (const chainId of [dead, alive]) {
      mkdirSync(layers.diffPath(mappingKey, chainId), { recursive: true });
    }
    layers.begin(mappingKey, complete);
    layers.commit(mappingKey, complete, 1);
    await using _pull = await scratch.store.lockContent({ shared: true });
    await using _lock = await layers.lock(mappingKey, alive);
    const removed = await collectGarbage(scratch.store, { removeTree });
    expect(removed.map(({ kind }) => kind)).toEqual(["layer"]);
    const left = [dead, alive, complete].map((id) => existsSync(layers.diffPath(mappingKey, id)));
    expect(left).toEqual([false, true, true]);
  });

  it("keeps an interrupted download for a week, to be resumed", async () => {
    using scratch = scratchStore();
    const { store } = scratch;
    const { path: file } = store.blobs.partial(digestOf("large"));
    writeFileSync(file, "a part");
    const now = Date.now();
    await collectGarbage(store, { removeTree, now: now + week - 60_000 });
    expect(existsSync(file)).toBe(true);
    const held = await store.blobs.lock(digestOf("large"));
    await collectGarbage(store, { removeTree, now: now + week + 60_000 });
    expect(existsSync(file)).toBe(true);
    held.release();
    await collectGarbage(store, { removeTree, now: now + week + 60_000 });
    expect(existsSync(file)).toBe(false);
  });

  it("removes directories of containers that are not known, not of those that are", async () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    containers.create(containerRecord("known"));
    const lost = containerIdOf("lost");
    for (const directory of [containers.dir(lost), containers.runDir(lost)]) mkdirSync(directory);
    const running = containerIdOf("running");
    mkdirSync(containers.runDir(running));
    const monitor = tryLockFile(path.join(containers.runDir(running), "lock"));
    // Somebody else's store may have the same runtime directory: its containers are not known here,
    // and one that is being made has no monitor yet.
    await collectGarbage(scratch.store, { removeTree });
    expect(existsSync(containers.runDir(lost))).toBe(true);
    await collectGarbage(scratch.store, { removeTree, now: Date.now() + 2 * hour });
    monitor?.release();
    expect(existsSync(containers.dir(lost))).toBe(false);
    expect(existsSync(containers.runDir(lost))).toBe(false);
    expect(existsSync(containers.runDir(running))).toBe(true);
    expect(existsSync(containers.dir(containerIdOf("known")))).toBe(true);
    expect(existsSync(containers.runDir(containerIdOf("known")))).toBe(true);
  });

  it("goes on behind what it cannot remove, and does not call that removed", async () => {
    using scratch = scratchStore();
    const { store } = scratch;
    const stuck = chainIdOf("stuck");
    store.layers.begin(mappingKey, stuck);
    const waste = store.layers.abandon(mappingKey, stuck);
    const lost = store.containers.dir(containerIdOf("lost"));
    mkdirSync(lost);
    const removed = await collectGarbage(store, {
      removeTree: async (directory) => {
        if (directory === waste) throw new Error("files of an id that was taken away since");
        await removeTree(directory);
      },
    });
    expect(removed).toEqual([{ kind: "container", path: lost }]);
    expect(store.layers.listTrash()).toEqual([waste]);
  });

  it("removes a database that a killed command was making", async () => {
    using scratch = scratchStore();
    const file = path.join(scratch.root, "store.db.0123456789ab.tmp");
    writeFileSync(file, "");
    await collectGarbage(scratch.store, { removeTree });
    expect(existsSync(file)).toBe(true);
    utimesSync(file, 0, 0);
    await collectGarbage(scratch.store, { removeTree });
    expect(existsSync(file)).toBe(false);
  });
});
