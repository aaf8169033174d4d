import { readFileSync } from "node:fs";
import type { SourceMap } from "node:module";
import process from "node:process";

/** `at NAME (FILE:LINE:COLUMN)`, or without a name and its parentheses. */
const frame = /^at (?:.* \()?(?<file>\/.+\.cjs):(?<line>\d{1,7}):(?<column>\d{1,7})\)?$/;

/**
 * Says the lines of a stack trace in terms of the sources, where the build has left a map beside the
 * file (`app.cjs.map`): in that file all names are short and most lines are one.
 */
export function inSources(lines: readonly string[]): string[] {
  const maps = new Map<string, SourceMap | undefined>();
  return lines.map((text) => {
    const { file, line, column } = frame.exec(text)?.groups ?? {};
    if (file === undefined) return text;
    if (!maps.has(file)) maps.set(file, readMap(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (origin === undefined || !("fileName" in origin)) return text;
    const source = origin.fileName.replace(/^(?:\.\.\/)+/, "");
    return `at ${source}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function readMap(file: string): SourceMap | undefined {
  try {
    const { SourceMap } = process.getBuiltinModule("node:module");
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8")));
  } catch {
    // An installation without it: names and lines are what they are there.
    return undefined;
  }
}
