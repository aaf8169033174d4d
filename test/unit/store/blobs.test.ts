import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  watch,
  writeFileSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { digestOf, scratchStore } from "./scratch-store.ts";

const content = "the bytes of a blob";
const digest = digestOf(content);

describe("a blob", () => {
  it("arrives in parts and is there once it was committed", async () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    const partial = blobs.partial(digest);
    expect(partial.size).toBe(0);
    let fd = openSync(partial.path, "a", 0o600);
    writeSync(fd, content.slice(0, 5));
    closeSync(fd);
    expect(blobs.partial(digest).size).toBe(5);
    expect(blobs.has(digest)).toBe(false);
    fd = openSync(partial.path, "a");
    writeSync(fd, content.slice(5));
    await blobs.commit(digest, fd);
    closeSync(fd);
    expect(blobs.has(digest)).toBe(true);
    expect(blobs.partial(digest).size).toBe(0);
    expect(blobs.readVerified(digest, 100).toString()).toBe(content);
    expect(blobs.list()).toEqual([digest]);
  });

  it("with other bytes than its digest says does not get into the store", () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    const file = path.join(scratch.base, "file");
    writeFileSync(file, "something else");
    for (const attempt of [
      () => blobs.put(digest, Buffer.from("something else")),
      () => blobs.importFile(digest, file),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: "DIGEST_MISMATCH" }));
      expect(blobs.has(digest)).toBe(false);
    }
    expect(readdirSync(path.join(scratch.root, "blobs/partial"))).toEqual([]);
  });

  it("gets its final name complete: a kill leaves nothing there but in blobs/partial", async () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    const names = new Set<string | null>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const directory = path.join(scratch.root, "blobs/sha256");
    const watcher = watch(directory, (_event, name) => {
      names.add(name);
      if (name === path.basename(blobs.path(digest))) resolve();
    });
    blobs.put(digest, Buffer.from(content));
    await promise;
    watcher.close();
    expect([...names]).toEqual([path.basename(blobs.path(digest))]);
  });

  it("is copied from a file", () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    const file = path.join(scratch.base, "file");
    const large = Buffer.alloc(3 * 1024 * 1024 + 1, "x");
    writeFileSync(file, large);
    blobs.importFile(digestOf(large.toString()), file);
    expect(readFileSync(blobs.path(digestOf(large.toString()))).equals(large)).toBe(true);
  });

  // S64: what lies in the store may have been changed since it was verified.
  it("that was changed in the store is noticed when it is read", () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    blobs.put(digest, Buffer.from(content));
    writeFileSync(blobs.path(digest), content.replace("b", "B"));
    let failure: unknown;
    try {
      blobs.readVerified(digest, 100);
    } catch (error) {
      failure = error;
    }
    expect(isTsmanError(failure, "DIGEST_MISMATCH")).toBe(true);
  });

  it("larger than it may be is not read", () => {
    using scratch = scratchStore();
    const { blobs } = scratch.store;
    blobs.put(digest, Buffer.from(content));
    expect(() => blobs.readVerified(digest, content.length - 1)).toThrow(/larger than/);
  });
});
