import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { openRotated, RotatedFiles } from "../../../src/platform/rotated-files.ts";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return { ...real, readdir: vi.fn(real.readdir) };
});

let directory = "";
let file = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-rotated-files-"));
  file = join(directory, "log");
});

afterEach(() => rmSync(directory, { recursive: true }));

/** What a listing says that was made while the files were renamed. */
function listOnce(...names: readonly string[]): void {
  vi.mocked(readdir).mockResolvedValueOnce(names as never);
}

async function oldest(): Promise<string | undefined> {
  const found = await new RotatedFiles(file).oldest();
  const text = await found?.handle.readFile("utf8");
  await found?.handle.close();
  return text;
}

it("the oldest file is found though a listing has missed it, beside the gap that it left", async () => {
  writeFileSync(file, "newest");
  writeFileSync(`${file}.1`, "middle");
  writeFileSync(`${file}.3`, "oldest");
  listOnce("log", "log.1");
  expect(await oldest()).toBe("oldest");
});

it("the oldest file is found though a listing has missed it, and it is back in its row", async () => {
  writeFileSync(file, "newest");
  writeFileSync(`${file}.1`, "middle");
  writeFileSync(`${file}.2`, "oldest");
  listOnce("log", "log.1");
  expect(await oldest()).toBe("oldest");
});

it("files that a listing has are looked for again when they have moved on", async () => {
  writeFileSync(file, "newest");
  writeFileSync(`${file}.1`, "oldest");
  listOnce("log", "log.1", "log.2");
  expect(await oldest()).toBe("oldest");
});

it("no file is no file", async () => {
  expect(await oldest()).toBeUndefined();
  expect(await openRotated(file)).toEqual([]);
});
