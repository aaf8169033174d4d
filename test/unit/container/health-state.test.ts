import { describe, expect, it } from "vitest";
import { parseHealth } from "../../../src/container/health-state.ts";

const text = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join("\n")}\n`);
const head = ["status healthy", "streak 1", "checks 12"];

describe("the monitor's health file", () => {
  it("says status, streak, and how the last checks went", () => {
    const result = "result 1795325980811955619 1795325981000000001 3 11";
    expect(parseHealth(text(...head, "startup passed", result, "result 1 2\n"))).toEqual({
      status: "healthy",
      failingStreak: 1,
      checks: 12,
      results: [
        {
          start: "2026-11-22T05:39:40.811955619Z",
          end: "2026-11-22T05:39:41.000000001Z",
          exitCode: 3,
          output: "result 1 2\n",
        },
      ],
    });
  });

  it("may have output of any bytes", () => {
    const bytes = Buffer.concat([
      text(...head, "result 1000000000 2000000000 -1 4"),
      Buffer.from([0, 0xff, 0x0a, 0x41, 0x0a]),
    ]);
    expect(parseHealth(bytes)?.results[0]).toMatchObject({ exitCode: -1, output: "\0\ufffd\nA" });
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["an unknown status", text("status well", "streak 0", "checks 0")],
    ["no status", text("streak 0", "checks 0")],
    ["a number that is none", text("status healthy", "streak x", "checks 0")],
    ["a line that is cut off", Buffer.from("status healthy\nstreak 0\nchecks 0\nres")],
    ["output that is cut off", text(...head, "result 1000000000 2000000000 0 100", "short")],
    ["a negative length", text(...head, "result 1000000000 2000000000 0 -5", "")],
    ["a result that lacks a word", text(...head, "result 1000000000 0 0", "")],
  ])("is not believed with %s", (_what, bytes) => {
    expect(parseHealth(bytes)).toBeUndefined();
  });
});
