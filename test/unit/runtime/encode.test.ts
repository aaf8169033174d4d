import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeFrame,
  encodeLaunch,
  encodeResize,
  encodeSignal,
  encodeStart,
  encodeStop,
} from "../../../src/runtime/encode.ts";
import { type PlanRecord, settingRecord, stepRecord } from "../../../src/runtime/launch-plan.ts";
import { limits, message } from "../../../src/runtime/protocol.ts";

/** Reads a LAUNCH frame as native/plan.c does. */
function decodeLaunch(frame: Buffer): { op: number; args: Buffer[] }[] {
  expect(frame.readUInt32LE(0)).toBe(message.LAUNCH);
  expect(frame.readUInt32LE(4)).toBe(frame.byteLength - 8);
  const records: { op: number; args: Buffer[] }[] = [];
  let offset = 8;
  while (offset < frame.byteLength) {
    const op = frame.readUInt16LE(offset);
    const count = frame.readUInt16LE(offset + 2);
    offset += 4;
    const args: Buffer[] = [];
    for (let index = 0; index < count; index++) {
      const length = frame.readUInt32LE(offset);
      args.push(frame.subarray(offset + 4, offset + 4 + length));
      expect(frame[offset + 4 + length]).toBe(0);
      offset += 4 + length + 1;
    }
    records.push({ op, args });
  }
  return records;
}

describe("encodeLaunch", () => {
  it("writes records that read back as they were", () => {
    const record: fc.Arbitrary<PlanRecord> = fc.record({
      op: fc.integer({ min: 1, max: 0xffff }).filter((op) => op !== 283),
      args: fc.array(
        fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\0")),
        { maxLength: 6 },
      ),
      because: fc.constant("default"),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 8 }), (records) => {
        const decoded = decodeLaunch(encodeLaunch({ records }));
        expect(decoded.map((one) => one.op)).toEqual(records.map((one) => one.op));
        expect(decoded.map((one) => one.args.map((arg) => arg.toString("utf8")))).toEqual(
          records.map((one) => one.args.map((arg) => Buffer.from(arg).toString("utf8"))),
        );
      }),
    );
  });

  it("keeps the NUL bytes of a filter", () => {
    const filter = Uint8Array.of(6, 0, 0, 0, 0, 0, 0xff, 0x7f);
    const records = [stepRecord("SECCOMP", [filter, "0"], "default")];
    expect(decodeLaunch(encodeLaunch({ records }))[0]?.args[0]).toEqual(Buffer.from(filter));
  });

  // S29
  it("refuses a NUL byte in a string, naming what asked for it", () => {
    const records = [stepRecord("EXEC", ["sh", "a\0b"], "command line")];
    expect(() => encodeLaunch({ records })).toThrow(
      "EXEC argument 2 (command line) holds a NUL byte",
    );
  });

  it("refuses what exceeds a limit, by its name", () => {
    const record = stepRecord("CONSOLE", [], "default");
    const many = (count: number) => ({ records: Array.from({ length: count }, () => record) });
    expect(() => encodeLaunch(many(limits.RECORDS + 1))).toThrow("RECORDS");
    const open = settingRecord("OPEN", ["0", "/", "dir"], "default");
    const opens = { records: Array.from({ length: limits.OPENS + 1 }, () => open) };
    expect(() => encodeLaunch(opens)).toThrow("OPENS");
    const args = Array.from({ length: limits.ARGS + 1 }, () => "x");
    expect(() => encodeLaunch({ records: [stepRecord("EXEC", args, "x")] })).toThrow("ARGS");
    const big = "x".repeat(limits.LAUNCH_BYTES);
    expect(() => encodeLaunch({ records: [stepRecord("EXEC", [big], "x")] })).toThrow(
      "LAUNCH_BYTES",
    );
    expect(() => encodeFrame(1, new Uint8Array(limits.FRAME_BYTES + 1))).toThrow("FRAME_BYTES");
  });
});

describe("the other frames", () => {
  it("have the layout of native/protocol.h", () => {
    expect(encodeStart().toString("hex")).toBe("0200000000000000");
    expect(encodeSignal(15).toString("hex")).toBe("03000000040000000f000000");
    expect(encodeResize(24, 80).toString("hex")).toBe("040000000400000018005000");
    expect(encodeStop(15, 10_000).toString("hex")).toBe("05000000080000000f00000010270000");
  });

  it("clamp what does not fit", () => {
    expect(encodeResize(70_000, 1).readUInt16LE(8)).toBe(0xffff);
    expect(encodeStop(9, 2 ** 40).readUInt32LE(12)).toBe(0xffff_ffff);
  });
});
