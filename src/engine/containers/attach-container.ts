import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { defaultDetachKeys } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import { type AttachRelay, startAttachRelay } from "../../runtime/attach-client.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo } from "../owned-session.ts";
import type { AttachOptions, RunIo, RunSession } from "../types.ts";
import { containerEvent } from "./container-events.ts";
import { assertNotPaused, containerState, getContainer, isUp } from "./find-container.ts";
import { exitStatusOfRecord, waitForExit } from "./wait-for-exit.ts";

/** 128 + SIGPIPE. */
const brokenPipeStatus = 141;

/**
 * Connects the caller's descriptors with the program of a container that runs; others may be
 * connected as well.  Resolves when what is written from then on is seen.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
 */
export async function attachContainer(
  context: EngineContext,
  nameOrId: string,
  options: AttachOptions,
  io: RunIo,
): Promise<RunSession> {
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  assertNotPaused(state, record, `attach to container ${record.name}`);
  if (state.status !== "running") throw notRunning(record);
  return await connectToContainer(context, record, options, io);
}

/** {@link attachContainer} for one whose monitor is there. */
export async function connectToContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: AttachOptions,
  io: OwnedIo,
): Promise<RunSession> {
  const runDir = context.store.containers.runDir(record.id);
  await io.beforeStart?.();
  const { stdin, stdout, stderr } = io;
  const relay = startAttachRelay(
    {
      runDir,
      stdio: { stdin, stdout, stderr },
      forwardStdin: options.stdin ?? record.options.interactive,
      detachKeys: record.options.tty ? detachKeysOf(record, options) : [],
      onWarning: io.onWarning,
    },
    ({ errno }) => notRunning(record, errno),
  );
  await relay.connected;
  const resize = (rows: number, columns: number): void => {
    sendMonitorCommand(runDir, { kind: "resize", rows, columns });
  };
  if (io.terminal !== undefined) resize(io.terminal.rows, io.terminal.columns);
  context.events.emit(containerEvent("attach", record));
  const exited = endOf(context, record, relay);
  exited.catch(() => undefined);
  return {
    id: record.id,
    name: record.name,
    started: relay.connected,
    exited,
    detached: relay.detached,
    signal: (signal) => void sendMonitorCommand(runDir, { kind: "signal", signal }),
    resize,
    release: () => relay.end(),
  };
}

function detachKeysOf(record: ContainerRecord, options: AttachOptions): readonly number[] {
  return options.detachKeys ?? record.options.detachKeys ?? defaultDetachKeys;
}

async function endOf(
  context: EngineContext,
  record: ContainerRecord,
  relay: AttachRelay,
): Promise<{ readonly status: number }> {
  const waitStatus = await relay.exited;
  if (waitStatus !== undefined) return { status: exitCodeOfWaitStatus(waitStatus) };
  // Nobody reads any more, as with a program in a pipe; the container goes on.
  if (isUp(containerState(context, record))) return { status: brokenPipeStatus };
  // The monitor is gone: what it wrote down is the truth.
  return { status: exitStatusOfRecord(record, await waitForExit(context, record)) };
}

function notRunning(record: ContainerRecord, errno?: number): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `attach to container ${record.name}: it does not run`,
    {
      hint: `start it with: tsman start --attach ${record.name}`,
      details: { container: record.id, ...(errno !== undefined && { errno }) },
    },
  );
}
