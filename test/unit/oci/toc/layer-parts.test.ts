import { describe, expect, it } from "vitest";
import {
  layerParts,
  leastReusedBytes,
  neededRanges,
  reusableFiles,
  splitParts,
} from "../../../../src/oci/toc/layer-parts.ts";
import type { TocFile } from "../../../../src/oci/toc/toc-document.ts";

function file(start: number, end: number): TocFile {
  return { name: "x", size: 77, sha256: "c".repeat(64), range: { start, end }, covered: 70 };
}

it("what is found is left out, everything else is fetched", () => {
  const found = new Map([
    [file(50, 60), "second"],
    [file(10, 20), "first"],
    [file(20, 30), "next to it"],
  ]);
  expect(layerParts(found, 100)).toEqual([
    { kind: "blob", start: 0, end: 10 },
    { kind: "content", source: "first", length: 70 },
    { kind: "content", source: "next to it", length: 70 },
    { kind: "blob", start: 30, end: 50 },
    { kind: "content", source: "second", length: 70 },
    { kind: "blob", start: 60, end: 100 },
  ]);
});

describe("with a list of headers", () => {
  const pieces = [
    { kind: "text", start: 1, end: 2 },
    { kind: "file", size: 77 },
    { kind: "text", start: 3, end: 4 },
    { kind: "file", size: 77 },
    { kind: "text", start: 5, end: 6 },
  ] as const;
  const [first, second] = [file(10, 20), file(50, 60)];

  it("nothing but files is fetched", () => {
    expect(splitParts(pieces, [first, second], new Map([[first, "here"]]))).toEqual([
      pieces[0],
      { kind: "content", source: "here", length: 77 },
      pieces[2],
      { kind: "blob", start: 50, end: 60 },
      pieces[4],
    ]);
  });

  it.each([
    ["fewer files", [first]],
    ["more files", [first, second, file(70, 80)]],
    ["a file of another size", [first, { ...second, size: 78 }]],
    ["a file without a place", [first, { ...second, range: undefined }]],
  ])("of %s there are no such parts", (_, files) => {
    expect(splitParts(pieces, files, new Map())).toBeUndefined();
  });
});

it("ranges that are close to each other are asked for at once", () => {
  const blob = (start: number, end: number) => ({ kind: "blob", start, end }) as const;
  const far = 10 + leastReusedBytes;
  const text = { kind: "text", start: 0, end: 9 } as const;
  expect(neededRanges([blob(0, 4), text, blob(8, 10), blob(far, far + 1)])).toEqual([
    { start: 0, end: 10 },
    { start: far, end: far + 1 },
  ]);
  const scattered = Array.from({ length: 3000 }, (_, n) => blob(n * far, n * far + 1));
  expect(neededRanges(scattered).length).toBeLessThanOrEqual(256);
  expect(neededRanges([])).toEqual([]);
});

it("where nothing is found the blob is one part", () => {
  const parts = [{ kind: "blob", start: 0, end: 100 }];
  expect(layerParts(new Map(), 100)).toEqual(parts);
});

it("what would cost more questions than bytes is not asked for", () => {
  const large = file(0, leastReusedBytes);
  const withoutRange = { ...large, range: undefined };
  const small = file(0, leastReusedBytes - 1);
  expect(reusableFiles([large, small, withoutRange], false)).toEqual([large]);
  // Where headers need not be asked for.
  expect(reusableFiles([small, large, withoutRange], true)).toEqual([large, small]);
  const many = Array.from({ length: 1000 }, (_, index) => file(0, leastReusedBytes + index));
  const chosen = reusableFiles(many, false);
  expect(chosen.length).toBeLessThan(500);
  expect(chosen).toContain(many.at(-1));
});
