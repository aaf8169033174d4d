import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { background } from "../integration/in-container.ts";
import { tsmanPath, useStore } from "../integration/support.ts";
import { statusOf } from "../support/proc.ts";
import { patience, until, within } from "../support/wait.ts";

// S36: CVE-2022-1708.  Output without end and without newline is no memory of whoever passes it on,
// wherever it goes, and stops the program when nobody takes it.
const store = useStore();
const mebibyte = 1 << 20;

/** The largest resident kilobytes that a process has had. */
function peak(pid: number, name: string): number {
  expect(statusOf(pid).Name).toBe(name);
  return Number.parseInt(statusOf(pid).VmHWM ?? "", 10);
}

/** A program that writes so much, says so in a file and stays until something is typed. */
const flood = (mebibytes: number) => [
  ...["sh", "-c"],
  `dd if=/dev/zero bs=1M count=${mebibytes} 2>/dev/null; echo over >/over; read -r line`,
];

/** Reads a stream to its end. */
async function count(stream: Readable): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).length;
  return bytes;
}

describe("a flood into a log", () => {
  // 10 GiB take 38 s, 624 KiB of memory and three files of the size that was asked for.
  it.each([
    ["k8s-file", 1024],
    // Each zero is six characters there.
    ["json-file", 96],
  ])("is written by %s in bounded memory and bounded space", async (driver, mebibytes) => {
    const path = join(store().scratch, `flood-${driver}.log`);
    await using container = await background(
      store(),
      ["--log-driver", driver, "--log-opt", `path=${path}`, "--log-opt", "max-size=4m"],
      [
        "sh",
        "-c",
        `dd if=/dev/zero bs=1M count=${mebibytes} 2>/dev/null; echo over >/over; sleep 1000`,
      ],
    );
    const monitor = Number(statusOf(container.pid).PPid);
    await until(
      "the flood to be over",
      () => exists(`/proc/${container.pid}/root/over`) || undefined,
      100_000,
    );
    expect(peak(monitor, "tsman-monitor")).toBeLessThan(2048);
    // What is still in the pipe is logged before the end, and files are renamed meanwhile.
    await store().succeed(["stop", "--time", "0", container.id]);
    for (const file of [path, `${path}.1`, `${path}.2`]) {
      expect(statSync(file).size).toBeLessThanOrEqual(4 << 20);
    }
    expect(() => statSync(`${path}.3`)).toThrow("ENOENT");
  });
});

describe("a flood to a caller who does not read", () => {
  const mebibytes = 256;

  /** Starts a command whose output nobody takes until all but that has happened. */
  async function heldBack(
    args: readonly string[],
    init: () => number,
    monitorOf: () => number,
  ): Promise<void> {
    const over = () => exists(`/proc/${init()}/root/over`);
    const child = spawn(tsmanPath, args, {
      env: store().environment() as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    await within(patience, "the flood to arrive", once(child.stdout, "readable"));
    // More than pipes and buffers hold is written only when somebody has read.
    expect(over()).toBe(false);
    const read = count(child.stdout);
    await until("the flood to be over", () => over() || undefined, 100_000);
    expect(peak(monitorOf(), "tsman-monitor")).toBeLessThan(2048);
    child.stdin.end("\n");
    expect(await read).toBe(mebibytes * mebibyte);
    expect(await ended).toEqual([0, null]);
  }

  it("of exec waits, in bounded memory, and arrives whole", async () => {
    await using container = await background(store(), "");
    const sessions = join(store().runtimeDir, container.id, "exec");
    await heldBack(
      ["exec", "-i", container.id, ...flood(mebibytes)],
      () => container.pid,
      () => {
        const [id = ""] = readdirSync(sessions);
        return Number.parseInt(readFileSync(join(sessions, id, "monitor"), "utf8"), 10);
      },
    );
  });

  it.each(["k8s-file", "none"])(
    "of run --log-driver %s waits, in bounded memory, and arrives whole",
    async (driver) => {
      const given = join(store().scratch, `pid-${driver}`);
      const pid = () => Number(readFileSync(given, "utf8"));
      const options = ["-i", "--log-driver", driver, "--log-opt", "max-size=4m"];
      await heldBack(
        [
          ..."run --rm --network none --quiet --pidfile".split(" "),
          ...[given, ...(driver === "none" ? options.slice(0, 3) : options)],
          ...["busybox", ...flood(mebibytes)],
        ],
        pid,
        () => Number(statusOf(pid()).PPid),
      );
    },
  );
});

function exists(path: string): boolean {
  try {
    closeSync(openSync(path, "r"));
    return true;
  } catch {
    return false;
  }
}
