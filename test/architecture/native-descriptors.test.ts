import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./sources.ts";

// S99: what a native process opens is not inherited by what it executes, or it says why.

const opens = /(?<![\w>.])(?:open|openat|socket|socketpair|pipe|pipe2|accept|accept4|signalfd)\(/g;

/** Calls whose flags are a variable, which holds the flag, or of a process's own new streams. */
const allowed = [
  "openat(parent, name, flags)",
  "openat(parent, name, how, mode)",
  'open("/dev/null", O_RDWR)',
];

it("every descriptor of the native program is closed by execve, unless it is meant to stay", () => {
  const found = globSync("native/*.c", { cwd: root }).flatMap((path) => {
    const text = readFileSync(join(root, path), "utf8");
    return [...text.matchAll(opens)].flatMap(({ index }) => {
      const call = text.slice(index, text.indexOf(";", index)).replace(/\s+/g, " ");
      if (call.includes("CLOEXEC") || allowed.some((one) => call.startsWith(one))) return [];
      return [`${path}:${text.slice(0, index).split("\n").length}: ${call}`];
    });
  });
  expect(found).toEqual([]);
});
