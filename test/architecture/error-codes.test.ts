import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../../src/errors/index.ts";
import { root } from "./sources.ts";

/** Rows of README's table: | `CODE` | status | one line of what it means | */
function documentedCodes(): Record<string, { readonly status: number; readonly line: string }> {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const rows = readme.matchAll(/^\|\s*`([A-Z][A-Z_]+)`\s*\|\s*(\d+)\s*\|\s*(.*?)\s*\|\s*$/gm);
  return Object.fromEntries(
    [...rows].map(([, code = "", status, line = ""]) => [code, { status: Number(status), line }]),
  );
}

describe("README's table of error codes", () => {
  const documented = documentedCodes();

  it("has every code with its exit status, and no other", () => {
    const statuses = Object.fromEntries(
      Object.entries(documented).map(([code, { status }]) => [code, status]),
    );
    expect(statuses).toEqual(errorCodes);
  });

  it("says in a line what each means", () => {
    const silent = Object.entries(documented).flatMap(([code, { line }]) =>
      line.length < 10 ? [code] : [],
    );
    expect(silent).toEqual([]);
  });
});
