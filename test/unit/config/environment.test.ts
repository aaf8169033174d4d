import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { callerEnvironment } from "../../../src/config/environment.ts";

afterEach(() => vi.unstubAllEnvs());

it("the caller's environment lacks what bin/tsman tells the C library of its Node", () => {
  const launcher = readFileSync(join(import.meta.dirname, "../../../bin/tsman"), "utf8");
  const own = /export GLIBC_TUNABLES=(\S+)/.exec(launcher)?.[1];
  expect(own).toMatch(/^glibc\.malloc\./);
  vi.stubEnv("GLIBC_TUNABLES", own);
  expect(callerEnvironment()).not.toHaveProperty("GLIBC_TUNABLES");
});

it("the caller's environment has what the caller tells the C library", () => {
  vi.stubEnv("GLIBC_TUNABLES", "glibc.malloc.check=1");
  expect(callerEnvironment().GLIBC_TUNABLES).toBe("glibc.malloc.check=1");
});
