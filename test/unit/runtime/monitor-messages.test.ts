import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../../src/runtime/encode.ts";
import { MonitorMessageDecoder } from "../../../src/runtime/monitor-messages.ts";
import { message } from "../../../src/runtime/protocol.ts";

const created = (() => {
  const payload = Buffer.alloc(12);
  payload.writeUInt32LE(4711, 0);
  payload.writeBigUInt64LE(2n ** 60n, 4);
  return encodeFrame(message.CREATED, payload);
})();
const failed = (strings: string) => {
  const head = Buffer.alloc(8);
  head.writeInt32LE(-1, 0);
  head.writeUInt32LE(22, 4);
  return encodeFrame(message.FAILED, Buffer.concat([head, Buffer.from(strings)]));
};
const exited = (() => {
  const payload = Buffer.alloc(4);
  payload.writeInt32LE(7 << 8);
  return encodeFrame(message.EXITED, payload);
})();

describe("MonitorMessageDecoder", () => {
  it("reads every message", () => {
    const stream = Buffer.concat([
      created,
      encodeFrame(message.READY),
      encodeFrame(message.STARTED),
      encodeFrame(message.WARNING, Buffer.from("careful\0")),
      encodeFrame(message.DETACHED),
      encodeFrame(message.KEPT),
      failed("init\0mount\0/x\0bad option\0"),
      exited,
    ]);
    expect(new MonitorMessageDecoder().push(stream)).toEqual([
      { type: "created", pid: 4711, startTime: 2n ** 60n },
      { type: "ready" },
      { type: "started" },
      { type: "warning", text: "careful" },
      { type: "detached" },
      { type: "kept" },
      {
        type: "failed",
        stepIndex: -1,
        errno: 22,
        stage: "init",
        operation: "mount",
        object: "/x",
        detail: "bad option",
      },
      { type: "exited", waitStatus: 1792 },
    ]);
  });

  it("does not care how the stream is cut", () => {
    const stream = Buffer.concat([created, failed("a\0b\0c\0\0"), exited]);
    fc.assert(
      fc.property(fc.array(fc.nat(stream.byteLength), { maxLength: 8 }), (cuts) => {
        const decoder = new MonitorMessageDecoder();
        const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.byteLength];
        const messages = edges
          .slice(1)
          .flatMap((edge, index) => decoder.push(stream.subarray(edges[index] ?? 0, edge)));
        expect(messages.map((one) => one.type)).toEqual(["created", "failed", "exited"]);
        expect(decoder.isIncomplete).toBe(false);
      }),
    );
  });

  it("knows that a stream stopped inside a frame", () => {
    const decoder = new MonitorMessageDecoder();
    decoder.push(created.subarray(0, 9));
    expect(decoder.isIncomplete).toBe(true);
  });

  const huge = Buffer.alloc(8);
  huge.writeUInt32LE(message.WARNING, 0);
  huge.writeUInt32LE(0xffff_ffff, 4);
  it.each([
    ["an unknown type", encodeFrame(99)],
    ["a frame without bounds", huge],
    ["a short CREATED", encodeFrame(message.CREATED, Buffer.alloc(11))],
    ["a long READY", encodeFrame(message.READY, Buffer.alloc(1))],
    ["an unterminated string", encodeFrame(message.WARNING, Buffer.from("x"))],
    ["a FAILED with three strings", failed("a\0b\0c\0")],
    ["a FAILED with five strings", failed("a\0b\0c\0d\0e\0")],
    ["an empty FAILED", encodeFrame(message.FAILED)],
  ])("refuses %s", (_, frame) => {
    expect(() => new MonitorMessageDecoder().push(frame)).toThrow("read monitor's message");
  });

  it("gives messages or an error for any bytes, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          return Array.isArray(new MonitorMessageDecoder().push(bytes));
        } catch (error) {
          return error instanceof Error && error.name === "TsmanError";
        }
      }),
    );
  });
});
