import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import {
  controlFd,
  limits,
  message,
  protocolVersion,
  setting,
  step,
  stepBase,
} from "../../src/runtime/protocol.ts";

const header = readFileSync(path.join(import.meta.dirname, "../../native/protocol.h"), "utf8");

/** Every `#define PREFIX_NAME number` of the header. */
function definitions(prefix: string): Record<string, number> {
  const found: Record<string, number> = {};
  const pattern = new RegExp(`^#define TSMAN_${prefix}(\\w+) (\\d+u?|\\(\\d+u << \\d+\\))`, "gm");
  for (const [, name, text] of header.matchAll(pattern)) {
    if (name === undefined || text === undefined) continue;
    const shift = /^\((\d+)u << (\d+)\)$/.exec(text);
    found[name] = shift === null ? Number.parseInt(text, 10) : Number(shift[1]) << Number(shift[2]);
  }
  return found;
}

describe("native/protocol.h and src/runtime/protocol.ts", () => {
  it("agree on version and control descriptor", () => {
    expect(definitions("PROTOCOL_").VERSION).toBe(protocolVersion);
    expect(definitions("CONTROL_").FD).toBe(controlFd);
  });

  it("agree on every limit", () => {
    expect(definitions("MAX_")).toEqual({
      LAUNCH_BYTES: limits.LAUNCH_BYTES,
      RECORDS: limits.RECORDS,
      ARGS: limits.ARGS,
      FRAME_BYTES: limits.FRAME_BYTES,
      OPENS: limits.OPENS,
      PRESERVED: limits.PRESERVED,
    });
  });

  it("agree on every frame type", () => {
    expect(definitions("MSG_")).toEqual(message);
  });

  it("agree on every setting", () => {
    expect(definitions("SET_")).toEqual(setting);
  });

  it("agree on every step and where steps begin", () => {
    const { STEP_BASE, ...steps } = definitions("OP_");
    expect(STEP_BASE).toBe(stepBase);
    expect(steps).toEqual(step);
  });

  it("give every number once", () => {
    const numbers = [...Object.values(setting), ...Object.values(step)];
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(Object.values(setting).every((number) => number < stepBase)).toBe(true);
    expect(Object.values(step).every((number) => number >= stepBase)).toBe(true);
  });
});
