import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
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
