import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { giveGroup } from "../../../src/cgroup/give-group.ts";

let group = "";

beforeEach(() => {
  group = mkdtempSync(path.join(tmpdir(), "group-"));
});

afterEach(() => {
  rmSync(group, { recursive: true });
});

function depthOfGiven(before: string): string {
  const file = path.join(group, "cgroup.max.depth");
  writeFileSync(file, before);
  giveGroup(group, process.getuid?.() ?? 0);
  return readFileSync(file, "utf8");
}

describe("a group that is given to a container's user", () => {
  it("is as deep as is looked into when all its processes are to end", () => {
    // The kernel takes a write for the whole; an ordinary file keeps what was behind it.
    expect(depthOfGiven("max")).toMatch(/^16/);
  });

  it("keeps the depth that somebody has chosen", () => {
    expect(depthOfGiven("40\n")).toBe("40\n");
  });
});
