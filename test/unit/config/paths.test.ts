import process from "node:process";
import { afterEach, describe, expect, it, vi } from "vitest";
import { resolvePaths } from "../../../src/config/paths.ts";

const uid = process.geteuid?.() ?? 0;

/** A home of this user, and nothing else of the environment. */
function home(environment: Readonly<Record<string, string>> = {}): void {
  for (const name of Object.keys(process.env)) {
    if (/^(?:TSMAN|XDG)_/.test(name)) vi.stubEnv(name, undefined);
  }
  vi.stubEnv("HOME", "/home/ada");
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("where the store is", () => {
  it("is below the home", () => {
    home();
    expect(resolvePaths({}, () => false)).toEqual({
      root: "/home/ada/.local/share/tsman",
      runtimeDir: "/home/ada/.local/state/tsman/run",
      cacheDir: "/home/ada/.cache/tsman",
      configDir: "/home/ada/.config/tsman",
    });
  });

  it("is on a local disk where the home is on a network file system", () => {
    home();
    const isNetwork = (directory: string) => directory.startsWith("/home/ada");
    expect(resolvePaths({}, isNetwork)).toMatchObject({
      root: `/var/tmp/tsman-${uid}`,
      runtimeDir: `/var/tmp/tsman-run-${uid}`,
      unusedRoot: "/home/ada/.local/share/tsman",
    });
    home({ XDG_DATA_HOME: "/local/data" });
    expect(resolvePaths({}, isNetwork).root).toBe("/local/data/tsman");
  });

  it("is where somebody wants it, whatever that is", () => {
    home({ TSMAN_ROOT: "/nfs/store" });
    const all = resolvePaths({}, () => true);
    expect([all.root, all.unusedRoot]).toEqual(["/nfs/store", undefined]);
    expect(resolvePaths({ root: "/other" }, () => true).root).toBe("/other");
  });
});
