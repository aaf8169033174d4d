import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { TsmanError } from "../../errors/index.ts";
import { readLife } from "../../platform/process-start-time.ts";
import { signalProcesses } from "./signal-processes.ts";

const sigcont = 18;
const sigstop = 19;

/** Passes over all processes: one that forks faster than it is stopped ends there. */
const mostPasses = 200;
/** Milliseconds for a signal to take effect. */
const passDelay = 5;

/**
 * Stops processes by SIGSTOP until none is left that runs.
 *
 * @param members lists them; it is asked again and again.
 * @param file where it is written down what was stopped before.
 * @throws TsmanError RUNTIME_FAILED when they are made faster than they can be stopped; then they go
 * on.
 */
export async function stopProcesses(members: () => readonly number[], file: string): Promise<void> {
  writeFileSync(file, stoppedAlready(members()), { mode: 0o600 });
  const asked = new Set<string>();
  for (let pass = 1, quiet = 0; ; pass += 1) {
    const left = members().filter((pid) => readLife(pid)?.isStopped === false);
    // One that waits in the kernel (state D), for a child that it has vforked for instance, stops
    // when it wakes, if it has been told to: with the rest stopped nothing else is to be waited for.
    const isQuiet = left.every((pid) => isWaiting(pid) && asked.has(identityOf(pid)));
    // A second look, at the children that were made before their parents had stopped.
    quiet = isQuiet ? quiet + 1 : 0;
    if (quiet === 2) break;
    if (isQuiet) continue;
    if (pass === mostPasses) {
      await resumeProcesses(members, file);
      throw new TsmanError(
        "RUNTIME_FAILED",
        "stop processes: they are made faster than they can be stopped",
        { hint: "kill the container instead" },
      );
    }
    for (const pid of left) asked.add(identityOf(pid));
    signalProcesses(members, sigstop, left);
    await delay(passDelay);
  }
}

/** Lets processes go on, but for those that were stopped before {@link stopProcesses}. */
export async function resumeProcesses(all: () => readonly number[], file: string): Promise<void> {
  const kept = new Set(readLines(file));
  const members = (): readonly number[] => all().filter((pid) => !kept.has(identityOf(pid)));
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    // Children first: a shell that wakes before its jobs would take them for stopped ones.
    const left = members().filter((pid) => readLife(pid)?.isStopped === true);
    if (left.length === 0) break;
    signalProcesses(members, sigcont, left.toReversed());
    await delay(passDelay);
  }
  rmSync(file, { force: true });
}

function isWaiting(pid: number): boolean {
  return readLife(pid)?.isWaiting ?? true;
}

function stoppedAlready(pids: readonly number[]): string {
  return pids
    .filter((pid) => readLife(pid)?.isStopped === true)
    .map((pid) => `${identityOf(pid)}\n`)
    .join("");
}

function identityOf(pid: number): string {
  return `${pid} ${readLife(pid)?.startTime ?? 0n}`;
}

function readLines(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    // Stopped by somebody else, with tsman kill --signal STOP for instance.
    return [];
  }
}
