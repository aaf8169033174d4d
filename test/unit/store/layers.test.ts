import { existsSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { collectGarbage } from "../../../src/store/gc.ts";
import { removeTree } from "./remove-tree.ts";
import {
  chainIdOf,
  finishWorker,
  mappingKey,
  type ScratchStore,
  scratchStore,
  startWorker,
} from "./scratch-store.ts";

const chainId = chainIdOf("a layer");

function unpack({ store }: ScratchStore, content = "content"): void {
  const target = store.layers.begin(mappingKey, chainId);
  writeFileSync(path.join(target, "file"), content);
  store.layers.commit(mappingKey, chainId, content.length);
}

function changeRows(scratch: ScratchStore, sql: string): void {
  const database = new DatabaseSync(path.join(scratch.root, "store.db"));
  database.exec(sql);
  database.close();
}

describe("a layer", () => {
  it("is there once it was committed, under its final name, with its size", () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    const target = layers.begin(mappingKey, chainId);
    expect(layers.has(mappingKey, chainId)).toBe(false);
    expect(target).toContain(".partial");
    layers.commit(mappingKey, chainId, 7);
    expect(layers.has(mappingKey, chainId)).toBe(true);
    expect(existsSync(target)).toBe(false);
    expect(existsSync(layers.diffPath(mappingKey, chainId))).toBe(true);
    expect(layers.list()).toEqual([{ mappingKey, chainId, size: 7 }]);
  });

  it("belongs to one mapping of ids", () => {
    using scratch = scratchStore();
    unpack(scratch);
    expect(scratch.store.layers.has("f".repeat(16), chainId)).toBe(false);
  });

  it("given up is gone, but for what its unpacker has to remove", () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    writeFileSync(path.join(layers.begin(mappingKey, chainId), "x"), "");
    const rest = layers.abandon(mappingKey, chainId);
    expect(readdirSync(path.join(rest ?? "", "diff"))).toEqual(["x"]);
    expect(layers.listPartials()).toEqual([]);
    expect(layers.abandon(mappingKey, chainId)).toBeUndefined();
  });

  it("whose row cannot be written, on a full disk say, is still its unpacker's to give up", () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    changeRows(
      scratch,
      "CREATE TRIGGER full BEFORE INSERT ON layers BEGIN SELECT RAISE(ABORT, 'disk is full'); END",
    );
    expect(() => unpack(scratch)).toThrow("disk is full");
    const rest = layers.abandon(mappingKey, chainId);
    expect(readdirSync(path.join(rest ?? "", "diff"))).toEqual(["file"]);
    expect(existsSync(layers.diffPath(mappingKey, chainId))).toBe(false);
  });

  it("is not taken for complete after a loss of power, unless its data was synced", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    unpack(scratch);
    changeRows(scratch, "UPDATE layers SET boot_id = 'the boot before'");
    expect(layers.has(mappingKey, chainId)).toBe(false);
    expect(layers.list()).toEqual([]);
    unpack(scratch, "once more");
    await layers.sync();
    changeRows(scratch, "UPDATE layers SET boot_id = 'the boot before'");
    expect(layers.has(mappingKey, chainId)).toBe(true);
    const file = path.join(layers.diffPath(mappingKey, chainId), "file");
    expect(readFileSync(file, "utf8")).toBe("once more");
  });

  it("may get a directory that was made before, the rest of which go in the end", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    const key = path.dirname(path.dirname(layers.diffPath(mappingKey, chainId)));
    {
      using prepared = layers.prepare(mappingKey, 2);
      const [first = ""] = prepared.targets;
      const inode = statSync(first).ino;
      const target = layers.begin(mappingKey, chainId, first);
      expect(statSync(target).ino).toBe(inode);
      layers.commit(mappingKey, chainId, 1);
      // Locked while they are wanted, as is the layer, which no image has.
      await using _content = await scratch.store.lockContent({ shared: true });
      await collectGarbage(scratch.store, { removeTree });
      expect(existsSync(prepared.targets[1] ?? "")).toBe(true);
    }
    expect(readdirSync(key)).toEqual([chainId.slice("sha256:".length)]);
  });

  it("of a key that is no key never becomes a path", () => {
    using scratch = scratchStore();
    expect(() => scratch.store.layers.diffPath("../../x", chainId)).toThrow(/not 16 hex digits/);
  });
});

describe("an unpacking killed with SIGKILL", () => {
  it("before it was complete leaves nothing but waste", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    const worker = startWorker("die-while-unpacking", scratch.base, ["a layer"]);
    expect((await finishWorker(worker)).signal).toBe("SIGKILL");
    expect(layers.has(mappingKey, chainId)).toBe(false);
    expect(layers.listPartials()).toHaveLength(1);
    expect(readdirSync(layers.begin(mappingKey, chainId))).toEqual([]);
    layers.commit(mappingKey, chainId, 0);
    expect(readdirSync(layers.diffPath(mappingKey, chainId))).toEqual([]);
    await collectGarbage(scratch.store, { removeTree });
    expect(layers.listTrash()).toEqual([]);
  }, 30_000);

  it("in the middle of the commit leaves a store in which it can be done again", async () => {
    using scratch = scratchStore();
    const { layers } = scratch.store;
    const directory = path.join(scratch.root, "layers", mappingKey);
    await mkdir(directory, { recursive: true });
    // While we hold the database for writing, the commit gets as far as the rename and no farther.
    const blocker = new DatabaseSync(path.join(scratch.root, "store.db"));
    blocker.exec("BEGIN IMMEDIATE");
    const renamed = Promise.withResolvers<void>();
    const watcher = watch(directory, () => {
      if (existsSync(layers.diffPath(mappingKey, chainId))) renamed.resolve();
    });
    const worker = startWorker("commit", scratch.base, ["a layer"]);
    const end = finishWorker(worker);
    await renamed.promise;
    worker.kill("SIGKILL");
    expect((await end).signal).toBe("SIGKILL");
    watcher.close();
    blocker.exec("ROLLBACK");
    blocker.close();

    expect(layers.has(mappingKey, chainId)).toBe(false);
    unpack(scratch, "the second time");
    expect(layers.has(mappingKey, chainId)).toBe(true);
    const file = path.join(layers.diffPath(mappingKey, chainId), "file");
    expect(readFileSync(file, "utf8")).toBe("the second time");
  }, 30_000);
});
