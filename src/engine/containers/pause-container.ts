import { closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isFrozen, setFrozen } from "../../cgroup/freezer.ts";
import { containerPids } from "../../container/process/container-pids.ts";
import { readNamespace } from "../../container/process/proc-file.ts";
import { TsmanError } from "../../errors/index.ts";
import { pidfdOpen, pidfdSendSignal } from "../../platform/libc.ts";
import { readLife } from "../../platform/process-start-time.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { groupInForce } from "./container-cgroup.ts";
import { containerEvent } from "./container-events.ts";
import { assertNotPaused, containerState, getContainer } from "./find-container.ts";

/*
 * A container with a control group of its own is frozen.  Without one (CONTRIBUTING.md, "Pausing is
 * SIGSTOP") every process is stopped by SIGSTOP, which none can block or ignore when it comes from
 * outside its pid namespace, the first process included (pid_namespaces(7)).
 */

const sigcont = 18;
const sigstop = 19;

/** File of the run directory: what was stopped already, `pid starttime` in each line. */
const stoppedFileName = "stopped";

/** Passes over all processes: one that forks faster than it is stopped ends there. */
const mostPasses = 200;
/** Milliseconds for a signal to take effect. */
const passDelay = 5;

/**
 * Stops every process of a container.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED, RUNTIME_FAILED
 * when processes are made faster than they can be stopped.
 */
export async function pauseContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  assertNotPaused(state, record, `pause container ${record.name}`);
  if (state.status !== "running") throw notRunning(record, "pause");
  const group = groupInForce(context, record.id);
  if (group === undefined) await stopProcesses(context, record, state.pid);
  else await setFrozen(group.path, true);
  context.events.emit(containerEvent("pause", record));
}

async function stopProcesses(
  context: EngineContext,
  record: ContainerRecord,
  init: number,
): Promise<void> {
  const members = (): readonly number[] => processesOf(record, init);
  const file = path.join(context.store.containers.runDir(record.id), stoppedFileName);
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
      await resume(record, init, file);
      throw new TsmanError(
        "RUNTIME_FAILED",
        `pause container ${record.name}: it makes processes faster than they can be stopped`,
        { hint: `end it: tsman kill ${record.name}`, details: { container: record.id } },
      );
    }
    for (const pid of left) asked.add(identityOf(pid));
    signalAll(left, members, sigstop);
    await delay(passDelay);
  }
}

/**
 * Lets a paused container go on, but for what its own programs had stopped before.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING (also when it is not paused)
 */
export async function unpauseContainer(context: EngineContext, nameOrId: string): Promise<void> {
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  if (state.status !== "paused") {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `unpause container ${record.name}: it is not paused`,
      {
        hint: "list those that are: tsman ps --filter status=paused",
        details: { container: record.id },
      },
    );
  }
  const group = groupInForce(context, record.id);
  if (group !== undefined && isFrozen(group.path)) await setFrozen(group.path, false);
  else {
    const file = path.join(context.store.containers.runDir(record.id), stoppedFileName);
    await resume(record, state.pid, file);
  }
  context.events.emit(containerEvent("unpause", record));
}

async function resume(record: ContainerRecord, init: number, file: string): Promise<void> {
  const kept = new Set(readLines(file));
  const members = (): readonly number[] =>
    processesOf(record, init).filter((pid) => !kept.has(identityOf(pid)));
  for (let pass = 1; pass <= mostPasses; pass += 1) {
    // Children first: a shell that wakes before its jobs would take them for stopped ones.
    const left = members().filter((pid) => readLife(pid)?.isStopped === true);
    if (left.length === 0) break;
    signalAll(left.toReversed(), members, sigcont);
    await delay(passDelay);
  }
  rmSync(file, { force: true });
}

/** Init first.  With another container's pid namespace, its processes are not ours to stop. */
function processesOf(record: ContainerRecord, init: number): readonly number[] {
  const pids = containerPids(init);
  if (record.options.pid.mode !== "container") return pids;
  const own = readNamespace(init, "mnt");
  return pids.filter((pid) => readNamespace(pid, "mnt") === own);
}

/**
 * Sends a signal to processes and to nothing else: each is held by a descriptor, then looked for
 * again, so that the descriptor cannot mean another process that was given the same pid before.
 */
function signalAll(
  pids: readonly number[],
  members: () => readonly number[],
  signal: number,
): void {
  const held = new Map<number, number>();
  try {
    for (const pid of pids) {
      const pidfd = pidfdOpen(pid);
      if (pidfd !== undefined) held.set(pid, pidfd);
    }
    const still = new Set(members());
    for (const [pid, pidfd] of held) if (still.has(pid)) pidfdSendSignal(pidfd, signal);
  } finally {
    for (const pidfd of held.values()) closeSync(pidfd);
  }
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

function notRunning(record: ContainerRecord, verb: string): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `${verb} container ${record.name}: it does not run`,
    { hint: `start it with: tsman start ${record.name}`, details: { container: record.id } },
  );
}
