import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { linesBackward } from "../../../src/platform/read-backward.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-backward-"));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function backward(content: string): Promise<string[]> {
  const file = path.join(directory, "file");
  writeFileSync(file, content);
  const handle = await open(file);
  const lines: string[] = [];
  try {
    for await (const { bytes, offset } of linesBackward(handle)) {
      const text = Buffer.from(bytes).toString();
      expect(content.slice(offset, offset + text.length + 1)).toBe(`${text}\n`);
      lines.push(text);
    }
  } finally {
    await handle.close();
  }
  return lines;
}

describe("reading a file backward", () => {
  it("gives its whole lines, the last one first", async () => {
    expect(await backward("")).toEqual([]);
    expect(await backward("unfinished")).toEqual([]);
    expect(await backward("\n")).toEqual([""]);
    expect(await backward("a\n\nb\nrest")).toEqual(["b", "", "a"]);
  });

  it("gives the same lines as reading it forward, whatever their lengths", async () => {
    const line = fc.oneof(
      fc.nat(5).map((n) => "x".repeat(n)),
      fc.integer({ min: 60_000, max: 140_000 }).map((n) => "y".repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), line, async (lines, unfinished) => {
        const content = lines.map((one) => `${one}\n`).join("") + unfinished;
        expect(await backward(content)).toEqual(lines.toReversed());
      }),
      { numRuns: 40 },
    );
  });
});
