import { describe, expect, it } from "vitest";
import { listenForInterruption } from "../../../../src/cli/session/interruption.ts";
import { isTsmanError } from "../../../../src/errors/index.ts";

describe("an interruption", () => {
  it("aborts who has asked for the signal before", () => {
    using interruption = listenForInterruption();
    const { signal } = interruption;
    expect([signal.aborted, interruption.isInterrupted()]).toEqual([false, false]);
    process.emit("SIGTERM", "SIGTERM");
    expect(signal.aborted).toBe(true);
    expect(isTsmanError(signal.reason, "INTERRUPTED")).toBe(true);
    expect(interruption.exitStatus()).toBe(143);
  });

  it("aborts who asks for the signal afterwards, and is known without it", () => {
    using interruption = listenForInterruption();
    expect(interruption.exitStatus()).toBeUndefined();
    process.emit("SIGINT", "SIGINT");
    expect(interruption.isInterrupted()).toBe(true);
    expect(interruption.signal.aborted).toBe(true);
    expect(interruption.signal).toBe(interruption.signal);
    expect(interruption.exitStatus()).toBe(130);
  });

  it("listens once: the next signal ends the process as ever", () => {
    const before = process.listenerCount("SIGHUP");
    using _interruption = listenForInterruption();
    expect(process.listenerCount("SIGHUP")).toBe(before + 1);
    process.emit("SIGHUP", "SIGHUP");
    expect(process.listenerCount("SIGHUP")).toBe(before);
  });
});
