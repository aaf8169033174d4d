import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { callerEnvironment } from "../../../src/config/environment.ts";

afterEach(() => vi.unstubAllEnvs());

/** What a launcher tells the engine that it executes, found in its source. */
function ownSettings(source: string, pattern: RegExp): [string, string][] {
  const text = readFileSync(join(import.meta.dirname, "../../..", source), "utf8");
  return Array.from(text.matchAll(pattern), ([, name = "", value = ""]) => [name, value]);
}

it.each([
  ["bin/tsman", 1, /export (\w+)=(\S+)/g],
  ["native/launch-oci.c", 3, /"(BUN_\w+|MIMALLOC_\w+)=(\w+)"/g],
])("the caller's environment lacks what %s tells the engine of tsman", (source, count, pattern) => {
  const settings = ownSettings(source, pattern);
  expect(settings).toHaveLength(count);
  for (const [name, value] of settings) vi.stubEnv(name, value);
  for (const [name] of settings) expect(callerEnvironment()).not.toHaveProperty(name);
});

it("the caller's environment has what the caller tells the C library", () => {
  vi.stubEnv("GLIBC_TUNABLES", "glibc.malloc.check=1");
  expect(callerEnvironment().GLIBC_TUNABLES).toBe("glibc.malloc.check=1");
});
