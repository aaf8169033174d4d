import { once } from "node:events";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../../src/runtime/encode.ts";
import { message } from "../../src/runtime/protocol.ts";
import { background } from "../integration/in-container.ts";
import { useStore } from "../integration/support.ts";
import { statusOf } from "../support/proc.ts";
import { patience, until, within } from "../support/wait.ts";

// S36 and S29 for those who attach: a client that sends what makes no sense, or reads nothing, or
// comes a hundred times, is its own problem; the container and its monitor go on, within bounds.
const store = useStore();

async function client(id: string): Promise<Socket> {
  const socket = connect(join(store().runtimeDir, id, "attach"));
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** Resident kilobytes of the monitor of a container's init. */
function monitorMemory(pid: number): number {
  const monitor = Number(statusOf(pid).PPid);
  expect(statusOf(monitor).Name).toBe("tsman-monitor");
  return Number.parseInt(statusOf(monitor).VmRSS ?? "", 10);
}

const answering = ["sh", "-c", 'while read line; do echo "<$line>"; done'];

async function assertAnswers(id: string): Promise<void> {
  const friend = store().start(["attach", id]);
  friend.write("alive\n");
  await friend.stdout.until("<alive>\n");
  friend.child.kill("SIGKILL");
  await friend.ended;
}

describe("a client of the attach socket", () => {
  it.each([
    ["a frame of an unknown type", encodeFrame(99, Buffer.from("x"))],
    ["a LAUNCH frame", encodeFrame(message.LAUNCH, Buffer.alloc(64))],
    ["a frame that only the monitor sends", encodeFrame(message.STDOUT, Buffer.from("x"))],
    ["a signal of three bytes", encodeFrame(message.SIGNAL, Buffer.alloc(3))],
    ["an end of input with a payload", encodeFrame(message.STDIN_EOF, Buffer.from("x"))],
    ["a length of 4 GiB", Buffer.from([message.STDIN, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])],
    ["text", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ])("that sends %s is shown the door, and nobody else notices", async (_what, bytes) => {
    await using container = await background(store(), "-i", answering);
    const socket = await client(container.id);
    socket.resume();
    socket.write(bytes);
    // With bytes of ours unread it ends in a reset, which is an end as well.
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    await within(patience, "the connection to end", closed);
    await assertAnswers(container.id);
  });

  it("that sends an impossible signal changes nothing", async () => {
    await using container = await background(store(), "-i", answering);
    const socket = await client(container.id);
    for (const number of [0, 65, 4096, 0xffff_ffff]) {
      const payload = Buffer.alloc(4);
      payload.writeUInt32LE(number);
      socket.write(encodeFrame(message.SIGNAL, payload));
    }
    await assertAnswers(container.id);
    socket.destroy();
  });

  it("that never reads does not hold the program up, and costs no memory", async () => {
    await using container = await background(store(), "-i --log-driver none", [
      "sh",
      "-c",
      "read line; dd if=/dev/zero bs=1M count=512 2>/dev/null; echo done > /done; sleep 1000",
    ]);
    const deaf = await Promise.all([1, 2, 3].map(async () => await client(container.id)));
    for (const socket of deaf) socket.pause();
    deaf[0]?.write(encodeFrame(message.STDIN, Buffer.from("go\n")));
    const done = join(`/proc/${container.pid}/root`, "done");
    await until("the program to have written all", () => hasFile(done));
    expect(monitorMemory(container.pid)).toBeLessThan(1536);
    for (const socket of deaf) socket.destroy();
  });

  it("whose input nobody reads is not read either", async () => {
    await using container = await background(store(), "-i", ["sleep", "1000"]);
    const socket = await client(container.id);
    let isFull = false;
    for (let n = 0; n < 64 && !isFull; n += 1) {
      isFull = !socket.write(encodeFrame(message.STDIN, Buffer.alloc(1 << 20)));
    }
    expect(isFull).toBe(true);
    expect(monitorMemory(container.pid)).toBeLessThan(1536);
    await store().succeed(["stop", "--time", "0", container.id]);
    socket.destroy();
  });

  it("may come a hundred times: those who find no room wait, and the container goes on", async () => {
    await using container = await background(store(), "-i", answering);
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => await client(container.id)),
    );
    for (let n = 0; n < 80; n += 1) {
      const one = await client(container.id).catch(() => undefined);
      one?.destroy();
    }
    for (const socket of sockets) socket.destroy();
    await assertAnswers(container.id);
    expect(monitorMemory(container.pid)).toBeLessThan(1536);
  });
});

describe("the control fifo", () => {
  it("takes floods without newline, binary garbage and nonsense, and obeys afterwards", async () => {
    await using container = await background(store(), "", [
      "sh",
      "-c",
      "trap 'exit 8' USR1; echo ready; while :; do sleep 0.1; done",
    ]);
    await until("the trap to be set", async () => {
      const { stdout } = await store().succeed(["logs", container.id]);
      return stdout === "ready\n" || undefined;
    });
    const fifo = openSync(join(store().runtimeDir, container.id, "control"), constants.O_WRONLY);
    const garbage = Buffer.alloc(65_536, 0x41);
    for (let n = 0; n < 64; n += 1) writeSync(fifo, garbage);
    const words = "signal\nsignal -1\nsignal 99999999999999999999\nstop 1 2 3 4\nresize 1\n\0\0\n";
    writeSync(fifo, `\n${words}${"x ".repeat(2000)}\nsignal 0x0a\n`);
    expect(statusOf(container.pid).Name).toBe("sh");
    writeSync(fifo, "signal 10\n");
    closeSync(fifo);
    expect((await store().succeed(["wait", container.id])).stdout).toBe("8\n");
  });
});

function hasFile(path: string): true | undefined {
  try {
    closeSync(openSync(path, constants.O_RDONLY));
    return true;
  } catch {
    return undefined;
  }
}
