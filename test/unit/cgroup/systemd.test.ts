import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SystemdManager } from "../../../src/cgroup/systemd.ts";
import { type DbusValue, DbusWriter } from "../../../src/platform/dbus/marshal.ts";
import { type DbusMessage, decodeMessage } from "../../../src/platform/dbus/message.ts";

// The manager's side of the wire, as far as these tests need it.

const kinds = { return: 2, error: 3, signal: 4 };
const fields = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5, signature: 8 };

function frame(
  kind: keyof typeof kinds,
  header: Partial<Record<keyof typeof fields, string | number>>,
  signature: string,
  body: readonly DbusValue[],
): Buffer {
  const content = new DbusWriter();
  content.write(signature, body);
  const writer = new DbusWriter();
  const list = Object.entries({ ...header, signature }).map(([name, value]) => {
    const type = { path: "o", replySerial: "u", signature: "g" }[name] ?? "s";
    return [fields[name as keyof typeof fields], { signature: type, value: value as string }];
  });
  writer.write("yyyyuua(yv)", [108, kinds[kind], 0, 1, content.bytes.length, 1, list]);
  writer.align(8);
  return Buffer.concat([writer.bytes, content.bytes]);
}

type Answer = (call: DbusMessage, serial: number) => readonly Buffer[];

let directory = "";
let server: Server | undefined;
const connections = new Set<Socket>();

/** A manager that answers as the test says; greets with `greeting`. */
async function manager(answer: Answer, greeting = "OK 0123\r\n"): Promise<string> {
  const file = path.join(directory, "private");
  server = createServer((socket) => {
    connections.add(socket);
    let isGreeted = false;
    let rest = Buffer.alloc(0);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!isGreeted) {
        if (!rest.toString("latin1").endsWith("\r\n")) return;
        if (rest.toString("latin1").startsWith("\0AUTH EXTERNAL ")) socket.write(greeting);
        rest = Buffer.alloc(0);
        isGreeted = true;
        return;
      }
      if (rest.toString("latin1").startsWith("BEGIN\r\n")) rest = rest.subarray(7);
      for (;;) {
        const decoded = decodeMessage(rest);
        if (decoded === undefined) return;
        const serial = rest.readUInt32LE(8);
        rest = rest.subarray(decoded.size);
        for (const bytes of answer(decoded.message, serial)) socket.write(bytes);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(file, resolve));
  return file;
}

const done = (serial: number): Buffer => frame("return", { replySerial: serial }, "", []);
const job = "/org/freedesktop/systemd1/job/7";
const started = (serial: number): Buffer => frame("return", { replySerial: serial }, "o", [job]);
const removed = (result: string): Buffer =>
  frame(
    "signal",
    {
      path: "/org/freedesktop/systemd1",
      interface: "org.freedesktop.systemd1.Manager",
      member: "JobRemoved",
    },
    "uoss",
    [7, job, "tsman-x.scope", result],
  );

const scope = { name: "tsman-x.scope", description: "d", slice: "user.slice", pids: [42] };

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "bus-"));
});
afterEach(async () => {
  for (const socket of connections) socket.destroy();
  connections.clear();
  await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
  server = undefined;
  rmSync(directory, { recursive: true });
});

async function connect(socket: string) {
  return await SystemdManager.connect([{ path: socket, isBus: false }], undefined);
}

describe("systemd's manager", () => {
  it("is asked for a delegated scope around a process, and its job is waited for", async () => {
    const calls: DbusMessage[] = [];
    const socket = await manager((call, serial) => {
      calls.push(call);
      return call.member === "StartTransientUnit"
        ? [started(serial), removed("done")]
        : [done(serial)];
    });
    await using connected = await connect(socket);
    await connected.startScope(scope);
    const [name, mode, properties] = calls.at(-1)?.body ?? [];
    expect([name, mode]).toEqual(["tsman-x.scope", "fail"]);
    expect(properties).toContainEqual(["Delegate", { signature: "b", value: true }]);
    expect(properties).toContainEqual(["PIDs", { signature: "au", value: [42] }]);
    expect(properties).toContainEqual(["Slice", { signature: "s", value: "user.slice" }]);
  });

  it("may tell of the job's end before it answers", async () => {
    const socket = await manager((call, serial) =>
      call.member === "StartTransientUnit"
        ? [Buffer.concat([removed("done"), started(serial)])]
        : [done(serial)],
    );
    await using connected = await connect(socket);
    await expect(connected.startScope(scope)).resolves.toBeUndefined();
  });

  it("says why a scope was not started", async () => {
    const socket = await manager((call, serial) =>
      call.member === "StartTransientUnit" ? [started(serial), removed("timeout")] : [done(serial)],
    );
    await using connected = await connect(socket);
    await expect(connected.startScope(scope)).rejects.toMatchObject({
      code: "PREFLIGHT_CGROUP",
      message: "start tsman-x.scope: systemd says: timeout",
    });
  });

  it("names its refusal", async () => {
    const refusal = { errorName: "org.freedesktop.systemd1.UnitExists" };
    const socket = await manager((call, serial) =>
      call.member === "StartTransientUnit"
        ? [frame("error", { ...refusal, replySerial: serial }, "s", ["it is there"])]
        : [done(serial)],
    );
    await using connected = await connect(socket);
    await expect(connected.startScope(scope)).rejects.toMatchObject({
      ...refusal,
      message: "it is there",
    });
  });

  it.each([
    ["takes nobody", "REJECTED EXTERNAL\r\n", "refused: REJECTED"],
    ["speaks something else", `${"x".repeat(2000)}\n`, "does not speak D-Bus"],
  ])("that %s is an error", async (_what, greeting, why) => {
    const socket = await manager(() => [], greeting);
    await expect(connect(socket)).rejects.toMatchObject({
      code: "PREFLIGHT_CGROUP",
      message: expect.stringContaining(why),
    });
  });

  it("that goes away in the middle is an error, and nobody waits for ever", async () => {
    const socket = await manager((call, serial) => {
      if (call.member === "StartTransientUnit") for (const one of connections) one.destroy();
      return [done(serial)];
    });
    await using connected = await connect(socket);
    await expect(connected.startScope(scope)).rejects.toThrow(/has ended|EPIPE|ECONNRESET/);
  });

  it("is not waited for when the caller gives up", async () => {
    const socket = await manager(() => []);
    const stop = new AbortController();
    const waiting = SystemdManager.connect([{ path: socket, isBus: false }], stop.signal);
    const refused = expect(waiting).rejects.toThrow("enough");
    stop.abort(new Error("enough"));
    await refused;
  });
});
