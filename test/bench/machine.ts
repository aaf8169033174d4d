import { execFile, spawnSync } from "node:child_process";
import { access, readFile } from "node:fs/promises";
import os from "node:os";
import { promisify } from "node:util";
import { openDevices } from "../run/devices.ts";

const execute = promisify(execFile);
const marker = "TSMAN_BENCH_NAMESPACE";

/**
 * As root: starts this program once more in a mount namespace of its own, which takes along what is
 * mounted for the benchmark however it ends.
 *
 * @returns the exit status of that; undefined in there.
 */
export function enterMountNamespace(): number | undefined {
  if (process.env[marker] !== undefined) return undefined;
  const again = [process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync("unshare", ["--mount", "--propagation", "private", ...again], {
    stdio: "inherit",
    env: { ...process.env, [marker]: "1" },
  });
  return status ?? 1;
}

/**
 * As root, in the namespace: a tmpfs for everything, the devices of a desktop, and cgroup v2, which
 * Podman wants even where the host has the older one.
 */
export async function prepareMachine(work: string): Promise<AsyncDisposable> {
  await execute("mount", ["-t", "tmpfs", "-o", "mode=0711", "tmpfs", work]);
  const hasCgroup2 = await access("/sys/fs/cgroup/cgroup.controllers").then(
    () => true,
    () => false,
  );
  if (!hasCgroup2) {
    await execute("umount", ["--recursive", "--lazy", "/sys/fs/cgroup"]).catch(() => undefined);
    await execute("mount", ["-t", "cgroup2", "none", "/sys/fs/cgroup"]);
  }
  const undo = new AsyncDisposableStack();
  undo.use(await openDevices());
  undo.defer(async () => {
    await execute("umount", ["--lazy", work]);
  });
  return undo;
}

/** What the numbers depend on. */
export interface MachineFacts {
  readonly date: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute: of a busy machine only the ratios mean something. */
  readonly load: number;
}

/** Describes this machine. */
export async function machineFacts(): Promise<MachineFacts> {
  const info = await readFile("/proc/cpuinfo", "utf8");
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: /^model name\s*: (.*)$/m.exec(info)?.[1] ?? os.arch(),
    cpus: os.availableParallelism(),
    kernel: os.release(),
    node: process.version,
    load: os.loadavg()[0] ?? 0,
  };
}
