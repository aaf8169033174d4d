import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { tryLockFile } from "../../../src/platform/file-lock.ts";
import { DirectoryOutput } from "../../../src/transport/directory-output.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "tsman-directory-"));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("a directory that is added to", () => {
  it("is kept from others until its end, also once its mark was written", async () => {
    const mark = path.join(directory, "oci-layout");
    writeFileSync(mark, "{}");
    {
      await using output = await DirectoryOutput.open(directory, {
        name: "oci:directory",
        mark: "oci-layout",
      });
      await output.put("oci-layout", Buffer.from("{}"));
      expect(tryLockFile(mark)).toBeUndefined();
      await output.commit("index.json", Buffer.from("[]"));
    }
    await using lock = tryLockFile(mark);
    expect(lock).toBeDefined();
    expect(readFileSync(path.join(directory, "index.json"), "utf8")).toBe("[]");
  });
});
