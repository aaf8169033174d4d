import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import {
  isProcessAlive,
  parseStartTime,
  processStartTime,
} from "../../../src/platform/process-start-time.ts";

const stat = (name: string, state: string): string =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1000 200`;

describe("a process", () => {
  it("is known by pid and start time, and by no other start time", async () => {
    const child = spawn("/bin/cat", [], { stdio: ["pipe", "ignore", "ignore"] });
    const pid = child.pid ?? 0;
    const startTime = processStartTime(pid) ?? 0n;
    expect(startTime).toBeGreaterThan(0n);
    expect(isProcessAlive(pid, startTime)).toBe(true);
    // Its pid given to another process would come with another start time.
    expect(isProcessAlive(pid, startTime - 1n)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "close");
    expect(isProcessAlive(pid, startTime)).toBe(false);
  });

  it("may have any name, parentheses and spaces too", () => {
    expect(parseStartTime(stat("cat", "S"))).toBe(987_654n);
    expect(parseStartTime(stat(") Z 1 (x", "S"))).toBe(987_654n);
  });

  it("that only waits to be reaped does not run any more", () => {
    expect(parseStartTime(stat("cat", "Z"))).toBeUndefined();
  });

  it("of which nothing can be read does not run", () => {
    expect(parseStartTime("")).toBeUndefined();
    expect(processStartTime(4_194_305)).toBeUndefined();
  });
});
