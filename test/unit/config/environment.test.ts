import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { callerEnvironment } from "../../../src/config/environment.ts";

afterEach(() => vi.unstubAllEnvs());

/** What a launcher exports for the engine that it executes. */
function ownSettings(launcher: string): [string, string][] {
  const text = readFileSync(join(import.meta.dirname, "../../../bin", launcher), "utf8");
  return Array.from(text.matchAll(/export (\w+)=(\S+)/g), ([, name = "", value = ""]) => [
    name,
    value,
  ]);
}

it.each([
  ["tsman", 1],
  ["tsman-oci", 3],
])("the caller's environment lacks what bin/%s tells the engine of tsman", (launcher, count) => {
  const settings = ownSettings(launcher);
  expect(settings).toHaveLength(count);
  for (const [name, value] of settings) vi.stubEnv(name, value);
  for (const [name] of settings) expect(callerEnvironment()).not.toHaveProperty(name);
});

it("the caller's environment has what the caller tells the C library", () => {
  vi.stubEnv("GLIBC_TUNABLES", "glibc.malloc.check=1");
  expect(callerEnvironment().GLIBC_TUNABLES).toBe("glibc.malloc.check=1");
});
