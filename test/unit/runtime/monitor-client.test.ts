import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { stepRecord } from "../../../src/runtime/launch-plan.ts";
import { startMonitor } from "../../../src/runtime/monitor-client.ts";
import { message } from "../../../src/runtime/protocol.ts";

const native = vi.hoisted(() => ({ path: "" }));
vi.mock("../../../src/platform/native.ts", () => ({ nativeProgram: () => native.path }));

const plan = { records: [stepRecord("EXEC", ["true"], "command line")] };
const stdio = { stdin: "ignore", stdout: "ignore", stderr: "ignore" } as const;

/** What a stand-in for the native program starts with: frames out, and the first frame in. */
const prelude = `
const net = require("node:net");
const control = new net.Socket({ fd: 3 });
const frame = (type, ...parts) => {
  const payload = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUInt32LE(type, 0);
  head.writeUInt32LE(payload.length, 4);
  control.write(Buffer.concat([head, payload]));
};
const u32 = (value) => { const b = Buffer.alloc(4); b.writeInt32LE(value); return b; };
const u64 = (value) => { const b = Buffer.alloc(8); b.writeBigUInt64LE(value); return b; };
const text = (value) => Buffer.from(value + "\\0");
let seen = Buffer.alloc(0);
control.on("data", (chunk) => { seen = Buffer.concat([seen, chunk]); received(seen); });
`;

describe("startMonitor", () => {
  let directory = "";
  /** A monitor with another body; it speaks the real protocol over the real descriptor. */
  const monitor = (body: string) => {
    native.path = path.join(directory, "monitor");
    const script = `#!${process.execPath}\n${prelude}\n${body}\n`;
    writeFileSync(native.path, script, { mode: 0o755 });
  };

  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), "tsman-monitor-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it("hands the plan over, goes on at start and reports every milestone", async () => {
    monitor(`
      let step = 0;
      function received(bytes) {
        if (step === 0) {
          step = 1;
          frame(${message.WARNING}, text("old kernel"));
          frame(${message.CREATED}, u32(4711), u64(99n));
          frame(${message.READY});
        } else if (step === 1 && bytes.includes(Buffer.from([${message.START}, 0, 0, 0, 0, 0, 0, 0]))) {
          step = 2;
          frame(${message.STARTED});
          frame(${message.EXITED}, u32(7 << 8));
          control.end();
        }
      }`);
    const heard: string[] = [];
    const handle = await startMonitor({ plan, stdio, onWarning: (text) => heard.push(text) });
    expect(await handle.created).toEqual({ pid: 4711, startTime: 99n });
    await handle.ready;
    handle.start();
    await handle.started;
    expect(await handle.exited).toBe(7 << 8);
    expect(heard).toEqual(["old kernel"]);
    expect(handle.warnings).toEqual(["old kernel"]);
    expect(handle.pid).toBeGreaterThan(0);
  });

  it("sends signals, sizes and stops as frames", async () => {
    const log = path.join(directory, "frames");
    monitor(`
      function received(bytes) {
        if (bytes.readUInt32LE(0) === 1 && !control.told) { control.told = true; frame(${message.READY}); }
        const launch = 8 + bytes.readUInt32LE(4);
        if (bytes.length - launch === 12 + 12 + 16) {
          require("node:fs").writeFileSync(${JSON.stringify(log)}, bytes.subarray(launch).toString("hex"));
          frame(${message.EXITED}, u32(0));
          control.end();
        }
      }`);
    const handle = await startMonitor({ plan, stdio });
    await handle.ready;
    handle.signal(2);
    handle.resize(24, 80);
    handle.stop(15, 1000);
    await handle.exited;
    expect(readFileSync(log, "utf8")).toBe(
      "030000000400000002000000" + "040000000400000018005000" + "05000000080000000f000000e8030000",
    );
  });

  it("rejects everything that is pending with the failure and its step", async () => {
    monitor(`
      function received() {
        frame(${message.FAILED}, u32(0), u32(2), text("exec"), text("execute"), text("true"), text(""));
        control.end();
      }`);
    const handle = await startMonitor({ plan, stdio });
    await expect(handle.started).rejects.toMatchObject({
      code: "COMMAND_NOT_FOUND",
      details: { stepName: "EXEC", because: "command line" },
    });
    await expect(handle.exited).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
    await expect(handle.created).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
  });

  it("says that a monitor ended without a word before the start", async () => {
    monitor("function received() { process.exit(3); }");
    const handle = await startMonitor({ plan, stdio });
    await expect(handle.ready).rejects.toMatchObject({ code: "RUNTIME_FAILED" });
  });

  it("never invents an exit status when the monitor dies while the program runs", async () => {
    monitor(`
      function received() { frame(${message.STARTED}); setTimeout(() => process.kill(process.pid, 9), 20); }`);
    const handle = await startMonitor({ plan, stdio });
    await handle.started;
    await expect(handle.exited).rejects.toMatchObject({ code: "EXIT_STATUS_UNKNOWN" });
  });

  it("refuses a monitor that speaks another language", async () => {
    monitor("function received() { frame(77); }");
    const handle = await startMonitor({ plan, stdio });
    await expect(handle.started).rejects.toThrow("unknown frame type 77");
  });

  it("gives up when aborted before the program runs, and stops the monitor", async () => {
    monitor(`function received() { frame(${message.CREATED}, u32(1), u64(1n)); }`);
    const controller = new AbortController();
    const handle = await startMonitor({ plan, stdio, signal: controller.signal });
    await handle.created;
    controller.abort();
    await expect(handle.started).rejects.toMatchObject({ code: "INTERRUPTED" });
    await vi.waitFor(() => expect(() => process.kill(handle.pid, 0)).toThrow("ESRCH"));
  });

  it("starts nothing when aborted already", async () => {
    monitor("function received() {}");
    const signal = AbortSignal.abort(new Error("no"));
    await expect(startMonitor({ plan, stdio, signal })).rejects.toThrow();
  });

  it("lets go of the monitor, which lives on", async () => {
    const log = path.join(directory, "after");
    monitor(`
      control.on("close", () => require("node:fs").writeFileSync(${JSON.stringify(log)}, "alive"));
      function received() { frame(${message.STARTED}); }`);
    const handle = await startMonitor({ plan, stdio });
    await handle.started;
    handle.disconnect();
    handle.signal(15);
    await vi.waitFor(() => expect(readFileSync(log, "utf8")).toBe("alive"));
  });

  it("says how to get a native program that is missing", async () => {
    native.path = path.join(directory, "missing");
    await expect(startMonitor({ plan, stdio })).rejects.toMatchObject({
      code: "PREFLIGHT_HELPER",
      hint: expect.stringContaining("build"),
    });
  });
});
