import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { formatLayout, parseLayout } from "../../../src/layer/worker/content-layout.ts";
import { SparseContent } from "../../../src/layer/worker/sparse-content.ts";

const directory = mkdtempSync(join(tmpdir(), "sparse-"));
const file = join(directory, "file");
afterAll(() => rmSync(directory, { recursive: true }));

/** Writes the chunks; bytes on the disk. */
function written(chunks: readonly Buffer[]): number {
  const fd = openSync(file, "w");
  const content = new SparseContent(fd);
  for (const chunk of chunks) content.write(chunk);
  content.finish();
  closeSync(fd);
  return statSync(file).blocks * 512;
}

it("any content comes out as it went in, however it is cut", () => {
  const piece = fc.record({
    byte: fc.constantFrom(0, 0, 0, 1, 255),
    length: fc.integer({ min: 0, max: 3 * 4096 }),
  });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.integer({ min: 1, max: 9000 }),
      (pieces, cut) => {
        const whole = Buffer.concat(pieces.map(({ byte, length }) => Buffer.alloc(length, byte)));
        const chunks = [];
        for (let at = 0; at < whole.length; at += cut) chunks.push(whole.subarray(at, at + cut));
        written(chunks);
        expect(readFileSync(file).equals(whole)).toBe(true);
      },
    ),
  );
});

it("blocks of zeros take no room, also where chunks end within them", () => {
  const chunks = Array.from({ length: 1000 }, () => Buffer.alloc(10_007));
  expect(written(chunks)).toBe(0);
  expect(statSync(file).size).toBe(10_007_000);
  const last = Buffer.alloc(10_007);
  last[5000] = 1;
  expect(written([...chunks, last, ...chunks])).toBeLessThanOrEqual(4096);
  expect(statSync(file).size).toBe(20_024_007);
});

it("a layout says where the bytes belong, however they are cut", () => {
  const piece = fc.record({
    hole: fc.integer({ min: 1, max: 9000 }),
    data: fc.integer({ min: 1, max: 9000 }),
  });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      fc.nat({ max: 9000 }),
      fc.integer({ min: 1, max: 5000 }),
      (pieces, tail, cut) => {
        const whole = Buffer.concat([
          ...pieces.flatMap(({ hole, data }) => [Buffer.alloc(hole), Buffer.alloc(data, 7)]),
          Buffer.alloc(tail),
        ]);
        let offset = 0;
        const segments = pieces.map(({ hole, data }) => {
          const segment = { offset: offset + hole, length: data };
          offset += hole + data;
          return segment;
        });
        const layout = { size: whole.length, segments };
        const body = whole.filter((byte) => byte !== 0);
        expect(parseLayout(formatLayout(layout), body.length)).toEqual(layout);
        const fd = openSync(file, "w");
        const content = new SparseContent(fd, layout);
        for (let at = 0; at < body.length; at += cut) {
          content.write(Buffer.from(body.subarray(at, at + cut)));
        }
        content.finish();
        closeSync(fd);
        expect(readFileSync(file).equals(whole)).toBe(true);
      },
    ),
  );
});

it.each([
  ["", 0],
  ["5 0", 0],
  ["5 0 0", 0],
  ["5 0 6", 6],
  ["9 4 2 3 1", 3],
  ["9 0 2", 3],
  ["9 -1 2", 2],
  ["1e3 0 2", 2],
  ["9007199254740993 0 2", 2],
])("a layout of %j is refused for %d bytes", (text, stored) => {
  expect(() => parseLayout(text, stored)).toThrow("says wrongly where its data are");
});
