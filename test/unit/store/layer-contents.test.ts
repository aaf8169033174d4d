import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  type ContentPlace,
  findContents,
  hasLayerContents,
  isContentAt,
  readContent,
  writeLayerContents,
} from "../../../src/store/layer-contents.ts";

let base: string;
let directory: string;
const { signal } = new AbortController();
const sha256 = createHash("sha256").update("content").digest("hex");
const other = "d".repeat(64);

beforeEach(() => {
  base = mkdtempSync(path.join(tmpdir(), "tsman-contents-"));
  directory = path.join(base, "layer/diff");
  mkdirSync(path.join(directory, "bin"), { recursive: true });
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

function place(name: string, change: Partial<ContentPlace> = {}): ContentPlace {
  return { directory, sha256, size: 7, name, ...change };
}

describe("what a layer is said to contain", () => {
  it("is found by content, in the layers that are asked", () => {
    const contents = [
      { sha256, size: 7, name: "bin/a b" },
      { sha256: other, size: 1, name: "ä" },
    ];
    expect(hasLayerContents(directory)).toBe(false);
    writeLayerContents(directory, contents);
    expect(hasLayerContents(directory)).toBe(true);
    const missing = path.join(base, "missing/diff");
    const wanted = [other, "e".repeat(64), sha256, other];
    expect(findContents([missing, directory], wanted)).toEqual([
      [{ ...contents[1], directory }],
      [],
      [{ ...contents[0], directory }],
      [{ ...contents[1], directory }],
    ]);
    expect(findContents([], wanted)).toEqual([[], [], [], []]);
  });

  it("is looked for in a few places only", () => {
    const many = Array.from({ length: 100 }, (_, n) => ({ sha256, size: 7, name: `${n}` }));
    writeLayerContents(directory, many);
    expect(findContents([directory], [sha256])[0]?.length).toBeLessThan(10);
  });

  it("is noted up to a limit", () => {
    const many = Array.from({ length: 2000 }, (_, n) => ({
      sha256,
      size: 7,
      name: `${n}-${"x".repeat(4000)}`,
    }));
    writeLayerContents(directory, [...many, { sha256: other, size: 1, name: "last" }]);
    expect(statSync(path.join(base, "layer/contents")).size).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(findContents([directory], [sha256, other])).toMatchObject([[{}, {}, {}], []]);
  });

  it("is passed over where a note is damaged or cut off", () => {
    writeLayerContents(directory, [{ sha256, size: 7, name: "a" }]);
    const note = path.join(base, "layer/contents");
    appendFileSync(note, `nonsense\n\n${other} x y\n${other} 1 \n${other} 1 cut o`);
    expect(findContents([directory], [sha256, other])).toEqual([[place("a")], []]);
  });
});

describe("a file of a layer", () => {
  it("is taken when it has the content that it is said to have", async () => {
    writeFileSync(path.join(directory, "bin/a"), "content");
    for (const name of ["bin/a", "./bin/a", "/bin/a"]) {
      expect(await isContentAt(place(name), signal)).toBe(true);
    }
    const chunks: Buffer[] = [];
    for await (const chunk of readContent(place("bin/a"), 4, signal)) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe("cont");
  });

  it.each([
    ["of another content", "changed", false],
    ["of another length", "longer content", undefined],
  ])("%s is left alone", async (_, content, expected) => {
    writeFileSync(path.join(directory, "bin/a"), content);
    expect(await isContentAt(place("bin/a"), signal)).toBe(expected);
  });

  it("is not looked for outside, nor behind links", async () => {
    writeFileSync(path.join(base, "secret"), "content");
    symlinkSync(path.join(base, "secret"), path.join(directory, "link"));
    symlinkSync(base, path.join(directory, "up"));
    symlinkSync("bin", path.join(directory, "within"));
    writeFileSync(path.join(directory, "bin/a"), "content");
    const names = ["link", "up/secret", "../../secret", path.join(base, "secret"), "within/a"];
    for (const name of [...names, "bin", "missing", "a\0b"]) {
      expect(await isContentAt(place(name), signal), name).toBeUndefined();
    }
    await expect(readContent(place("link"), 7, signal).next()).rejects.toThrow("any more");
  });

  it("is not waited for when somebody wants to stop", async () => {
    writeFileSync(path.join(directory, "bin/a"), "content");
    const stopped = AbortSignal.abort(new Error("stopped"));
    await expect(isContentAt(place("bin/a"), stopped)).rejects.toThrow("stopped");
  });
});
