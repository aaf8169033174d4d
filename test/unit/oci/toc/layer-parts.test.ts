import { expect, it } from "vitest";
import {
  layerParts,
  leastReusedBytes,
  reusableFiles,
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
  expect(layerParts(found, 100)).toEqual({
    parts: [
      { kind: "blob", start: 0, end: 10 },
      { kind: "content", source: "first", length: 70 },
      { kind: "content", source: "next to it", length: 70 },
      { kind: "blob", start: 30, end: 50 },
      { kind: "content", source: "second", length: 70 },
      { kind: "blob", start: 60, end: 100 },
    ],
    fetched: 70,
  });
});

it("where nothing is found the blob is one part", () => {
  const parts = [{ kind: "blob", start: 0, end: 100 }];
  expect(layerParts(new Map(), 100)).toEqual({ parts, fetched: 100 });
});

it("what would cost more questions than bytes is not asked for", () => {
  const large = file(0, leastReusedBytes);
  const withoutRange = { ...large, range: undefined };
  expect(reusableFiles([large, file(0, leastReusedBytes - 1), withoutRange])).toEqual([large]);
  const many = Array.from({ length: 1000 }, (_, index) => file(0, leastReusedBytes + index));
  const chosen = reusableFiles(many);
  expect(chosen.length).toBeLessThan(500);
  expect(chosen).toContain(many.at(-1));
});
