import { rmSync } from "node:fs";
import { exitCodeOfWaitStatus } from "../../container/exit-record.ts";
import { writePidFile } from "../../container/pid-file.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import { handOver, sessionWords } from "../containers/hand-over.ts";
import type { HandOver } from "../types.ts";
import { claimDirectory, markCreated, stateAs, writeRecord } from "./container-directory.ts";
import { departureOf, setUp, startForCaller, undo } from "./create-oci-container.ts";
import { deleteOciContainer, removeAbandoned } from "./end-oci-container.ts";
import { endProcesses } from "./end-processes.ts";
import { runHooks } from "./hooks.ts";
import { prepareOciGroup } from "./oci-group.ts";
import type { OciRecord } from "./oci-record.ts";
import type { CreateRequest, OciContext } from "./oci-types.ts";
import { mayPassThrough } from "./own-streams.ts";
import {
  type BundleLaunch,
  newRecord,
  type PreparedBundle,
  planBundle,
  prepareBundle,
} from "./prepare-bundle.ts";

/** What `run` takes besides what `create` does. */
export interface RunRequest extends CreateRequest {
  readonly detach: boolean;
  /** The container stays when its program has ended. */
  readonly keep: boolean;
  /** Size of the caller's terminal, for one that the container gets. */
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  /** Called when all is set up: the caller makes its terminal raw. */
  readonly beforeStart?: ((isTerminal: boolean) => void | Promise<void>) | undefined;
  /** Called when the program has ended, before what follows. */
  readonly onEnd?: (() => void) | undefined;
  /** How this process makes way for the native session, where no decision is left to take. */
  readonly handOver?: HandOver | undefined;
}

/** A program in the foreground. */
export interface OciSession {
  /** Its exit status, or 128 + signal. */
  readonly exited: Promise<number>;
  readonly signal: (number: number) => void;
  readonly resize: (rows: number, columns: number) => void;
}

/**
 * `run`: creates and starts a container; resolves when its program runs.
 *
 * @returns the session; undefined when it is detached.
 * @throws TsmanError as createOciContainer; nothing is left then.
 */
export async function runOciContainer(
  context: OciContext,
  request: RunRequest,
): Promise<OciSession | undefined> {
  const { detach } = request;
  const prepared = await prepareBundle(context, request, detach);
  const record = newRecord(request, prepared);
  await removeAbandoned(context);
  const directory = claimDirectory(context, request.id);
  const isTerminal = prepared.config.process.terminal ?? false;
  let handle: MonitorHandle | undefined;
  let isPidWritten = false;
  try {
    writeRecord(directory, record, prepared.configBytes, prepared.filter);
    markCreated(directory);
    const cgroup = await prepareOciGroup(context, prepared, request.id, directory);
    const launch = {
      cgroup,
      record,
      directory,
      departure: departureOf(request, detach ? "leave" : undefined),
      foreground: !detach,
      isPassedThrough: !isTerminal && (detach || mayPassThrough()),
      terminal: request.terminal,
    };
    makeWay(prepared, request, launch);
    const plan = planBundle(prepared, { ...launch, hold: true });
    handle = await startForCaller(context, request, plan);
    await setUp(context, prepared.config, record, handle);
    if (request.pidFile !== undefined) {
      writePidFile(request.pidFile, (await handle.created).pid);
      isPidWritten = true;
    }
    await request.beforeStart?.(isTerminal && request.consoleSocket === undefined);
    handle.start();
    await handle.started;
    await afterStart(context, prepared, { record, directory }, handle);
  } catch (error) {
    await handle?.end();
    if (isPidWritten && request.pidFile !== undefined) rmSync(request.pidFile, { force: true });
    await undo(context, prepared.config, record, directory);
    throw error;
  }
  if (detach) {
    await handle.departed();
    return undefined;
  }
  return sessionOf(context, request, handle);
}

/** Returns only where something is left to do here. */
function makeWay(
  prepared: PreparedBundle,
  { id, detach, keep, pidFile, consoleSocket, preserveFds, handOver: to }: RunRequest,
  launch: Omit<BundleLaunch, "hold">,
): void {
  const { hooks = {} } = prepared.config;
  const ours = [hooks.prestart, hooks.createRuntime, hooks.poststart, hooks.poststop];
  const isMore = detach || pidFile !== undefined || consoleSocket !== undefined || preserveFds > 0;
  if (to === undefined || isMore || ours.some((list) => list !== undefined)) return;
  const isTyped = to.isTyped && (prepared.config.process.terminal ?? false);
  const successor = { ...to, isTyped };
  const plan = planBundle(prepared, {
    ...launch,
    hold: isTyped,
    session: { words: sessionWords(successor, false), removedMark: "" },
    removeTree: keep ? undefined : launch.directory,
  });
  handOver(plan, id, launch.directory, successor);
}

async function afterStart(
  context: OciContext,
  { config: { hooks } }: PreparedBundle,
  { record, directory }: { readonly record: OciRecord; readonly directory: string },
  handle: MonitorHandle,
): Promise<void> {
  if (hooks?.poststart === undefined) return;
  const init = await handle.created;
  const state = stateAs(record, "running", init.pid);
  try {
    await runHooks("poststart", hooks.poststart, state, context.signal);
  } catch (error) {
    await endProcesses({ init, record, directory });
    throw error;
  }
}

function sessionOf(context: OciContext, request: RunRequest, handle: MonitorHandle): OciSession {
  const end = async (): Promise<number> => {
    const status = exitCodeOfWaitStatus(await handle.exited);
    request.onEnd?.();
    if (!request.keep) await deleteOciContainer(context, request.id, true);
    return status;
  };
  return {
    exited: end(),
    signal: (number) => handle.signal(number),
    resize: (rows, columns) => handle.resize(rows, columns),
  };
}
