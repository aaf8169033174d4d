import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ensurePrivateDirectory } from "../../../src/store/private-directory.ts";

it("makes a directory and its parents, for nobody else", () => {
  const scratch = mkdtempSync(join(tmpdir(), "tsman-private-"));
  try {
    const directory = join(scratch, "a/b/c");
    ensurePrivateDirectory(directory, "store", "--root");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(join(scratch, "a")).mode & 0o777).toBe(0o700);
  } finally {
    rmSync(scratch, { recursive: true });
  }
});

it("is refused, and not tried for ever, where the kernel makes none", () => {
  const make = () => ensurePrivateDirectory("/proc/none/store", "store", "--root");
  expect(make).toThrow(/store \/proc\/none\/store/);
});
