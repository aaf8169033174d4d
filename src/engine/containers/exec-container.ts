import { mkdirSync, rmdirSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { resolveUser, resolveWorkdir } from "../../bundle/command.ts";
import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import { findLiveProcess, type ProcessIdentity } from "../../container/liveness.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { toFileError } from "../../platform/errno.ts";
import { isProcessExiting } from "../../platform/process-start-time.ts";
import { randomHex } from "../../platform/random.ts";
import { monitorFailureOf } from "../../runtime/failure.ts";
import { startMonitor } from "../../runtime/monitor-client.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo, OwnedSession } from "../owned-session.ts";
import type { ExecIo, ExecOptions } from "../types.ts";
import { groupInForce } from "./container-cgroup.ts";
import { containerEvent } from "./container-events.ts";
import { execPlan } from "./exec-plan.ts";
import { execDirectory } from "./exec-sessions.ts";
import { assertNotPaused, containerState, getContainer } from "./find-container.ts";
import { assertWanted, handOver, sessionWords } from "./hand-over.ts";
import { monitoredSession } from "./monitored-session.ts";
import { readRuntimeConfig } from "./runtime-config.ts";

/** {@link ExecIo}, with pipes. */
export type OwnedExecIo = Pick<OwnedIo, keyof ExecIo | "ephemeral">;

/**
 * Starts a program in a running container, isolated as the container's own; resolves when its execve
 * has succeeded.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, COMMAND_NOT_FOUND,
 * COMMAND_NOT_EXECUTABLE, USER_UNUSABLE, WORKDIR_NOT_FOUND, USAGE, RUNTIME_FAILED; then nothing of it runs.
 */
export async function execInContainer(
  context: EngineContext,
  nameOrId: string,
  options: ExecOptions,
  io: OwnedExecIo,
): Promise<OwnedSession> {
  if (options.command[0] === undefined || options.command[0] === "") {
    throw new TsmanError("USAGE", `execute in container ${nameOrId}: no command is named`, {
      hint: "write it after the container: tsman exec CONTAINER COMMAND",
    });
  }
  const record = getContainer(context, nameOrId);
  assertRunning(context, record);
  const init = findLiveProcess(context.store.containers.runDir(record.id), "init");
  if (init === undefined) throw notRunning(record);
  const id = randomHex(32);
  const runDir = makeSessionDirectory(context, record, id);
  let handle: MonitorHandle;
  try {
    const config = readRuntimeConfig(context, record);
    // Checked before anything starts: no spelling of a number may become uid 0 (S22).
    resolveWorkdir(options.workdir, "");
    const user = options.user ?? config.process.user.username;
    const request = { user, groupAdd: record.options.groupAdd, userns: record.options.userns };
    const group = groupInForce(context, record.id);
    /** A process that this one leads to may only enter the group from where it may leave its own. */
    const admit = async (pid: number): Promise<void> => {
      if (group === undefined) return;
      const { admitTo } = await import("../../cgroup/container-group.ts");
      await admitTo(group, pid, io.signal);
    };
    const parts = {
      init,
      cgroup: group?.path,
      runDir,
      config,
      options,
      user: resolveUser(request, "", { uid: 0, gid: 0 }),
      terminal: io.terminal,
      ephemeral: io.ephemeral,
    };
    // It passes on no descriptors but the standard ones.
    if (io.handOver !== undefined && (options.preserveFds ?? []).length === 0) {
      const words = sessionWords(io.handOver, options.detach ?? false);
      const session = { words, hold: io.handOver.isTyped, id };
      const plan = await execPlan(context, record, { ...parts, session });
      await admit(process.pid);
      assertWanted(io, io.handOver);
      handOver(plan, id, runDir, io.handOver);
    }
    const plan = await execPlan(context, record, parts);
    io.beforeMonitor?.();
    handle = await startMonitor({
      plan: async (pid) => {
        await admit(pid);
        return plan;
      },
      stdio: options.detach
        ? { stdin: "ignore", stdout: "ignore", stderr: "ignore" }
        : { stdin: io.stdin, stdout: io.stdout, stderr: io.stderr },
      preserve: options.preserveFds,
      signal: io.signal,
      onWarning: io.onWarning,
    });
  } catch (error) {
    removeSessionDirectory(runDir);
    throw error;
  }
  await started(context, record, init, handle, io);
  context.store.events.emit(containerEvent("exec", record, { execID: id }));
  return monitoredSession({ id, name: record.name }, handle, endOf(record, handle));
}

function assertRunning(context: EngineContext, record: ContainerRecord): void {
  const state = containerState(context, record);
  assertNotPaused(state, record, `execute in container ${record.name}`);
  if (state.status !== "running") throw notRunning(record);
}

function notRunning(record: ContainerRecord, cause?: unknown): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `execute in container ${record.name}: it does not run`,
    {
      hint: `start it first: tsman start ${record.name}`,
      details: { container: record.id },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** The caller gets ready while the session is set up, as in `run`. */
async function started(
  context: EngineContext,
  record: ContainerRecord,
  init: ProcessIdentity,
  handle: MonitorHandle,
  io: OwnedExecIo,
): Promise<void> {
  try {
    await io.beforeStart?.();
    await handle.started;
  } catch (error) {
    await handle.end();
    throw isOver(context, record, init, error) ? notRunning(record, error) : error;
  }
}

/** Whatever step it was that noticed: the reason is that the container has ended, or is about to. */
function isOver(
  context: EngineContext,
  record: ContainerRecord,
  init: ProcessIdentity,
  error: unknown,
): boolean {
  const failure = monitorFailureOf(error);
  if (failure === undefined || failure.stage === "exec") return false;
  return (
    isProcessExiting(init.pid, init.startTime) ||
    containerState(context, record).status !== "running"
  );
}

async function endOf(
  record: ContainerRecord,
  handle: MonitorHandle,
): Promise<{ readonly status: number }> {
  try {
    return { status: exitCodeOfWaitStatus(await handle.exited) };
  } catch (error) {
    if (!isTsmanError(error, "EXIT_STATUS_UNKNOWN")) throw error;
    throw new TsmanError(
      "EXIT_STATUS_UNKNOWN",
      `execute in container ${record.name}: the session's monitor ended without saying how the program did`,
      { hint: "somebody killed the monitor; the program was ended with it", cause: error },
    );
  }
}

function makeSessionDirectory(context: EngineContext, record: ContainerRecord, id: string): string {
  const parent = execDirectory(context, record.id);
  const directory = path.join(parent, id);
  try {
    try {
      mkdirSync(directory, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      // The first session makes the parent; not the parent's parent, which the container takes
      // with it.
      makeDirectory(parent);
      mkdirSync(directory, { mode: 0o700 });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw notRunning(record, error);
    throw toFileError(error, `execute in container ${record.name}`);
  }
  return directory;
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another first session was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function removeSessionDirectory(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // The monitor or the removal of the container was here before.
  }
}
