import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { inSources } from "../../../../src/cli/render/source-place.ts";

let directory = "";
let file = "";
let code = "";

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-source-place-"));
  file = join(directory, "program.cjs");
  const source =
    "function failing(reason) {\n  const text = reason;\n  throw new Error(text);\n}\n";
  const made = transformSync(source, {
    sourcefile: "../../src/failing.ts",
    minify: true,
    sourcemap: "external",
  });
  code = made.code;
  writeFileSync(`${file}.map`, made.map);
});

afterAll(() => rmSync(directory, { recursive: true }));

it("a place in a file with a map is said as the place in its source", () => {
  const column = code.indexOf("new Error") + 1;
  expect(column).toBeGreaterThan(1);
  const expected = "at src/failing.ts:3:9";
  expect(inSources([`at r (${file}:1:${column})`])).toEqual([expected]);
  expect(inSources([`at async Object.r [as x] (${file}:1:${column})`])).toEqual([expected]);
  expect(inSources([`at ${file}:1:${column}`])).toEqual([expected]);
});

it("a place that no map knows stays what it is", () => {
  const lines = [
    `at r (${join(directory, "other.cjs")}:1:5)`,
    "at node:internal/process/task_queues:103:5",
    "at Object.<anonymous> (/x/y.js:1:1)",
    `at r (${file}:0:0)`,
    "something else",
  ];
  expect(inSources(lines)).toEqual(lines);
});

it("a map that is none is left aside", () => {
  const broken = join(directory, "broken.cjs");
  writeFileSync(`${broken}.map`, "{");
  expect(inSources([`at r (${broken}:1:1)`])).toEqual([`at r (${broken}:1:1)`]);
});
