import path from "node:path";
import { isFrozen, setFrozen } from "../../cgroup/freezer.ts";
import { findLiveProcess } from "../../container/liveness.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { ownPids } from "../../container/process/container-pids.ts";
import { resumeProcesses, stopProcesses } from "../../container/process/stopped-processes.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
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

/** File of the run directory: what was stopped already, `pid starttime` in each line. */
const stoppedFileName = "stopped";

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
  if (group === undefined) {
    const file = path.join(context.store.containers.runDir(record.id), stoppedFileName);
    try {
      await stopProcesses(processesOf(context, record, "pause"), file);
    } catch (error) {
      throw isTsmanError(error) ? error.within(`pause container ${record.name}`) : error;
    }
  } else await setFrozen(group.path, true);
  // Not earlier: what has not begun by then, begins no more.
  sendMonitorCommand(context.store.containers.runDir(record.id), { kind: "paused" });
  context.events.emit(containerEvent("pause", record));
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
    await resumeProcesses(processesOf(context, record, "unpause"), file);
  }
  context.events.emit(containerEvent("unpause", record));
}

/** Init first.  In a pid namespace that others have as well, theirs are not ours to stop. */
function processesOf(
  context: EngineContext,
  record: ContainerRecord,
  verb: string,
): () => readonly number[] {
  const init = findLiveProcess(context.store.containers.runDir(record.id), "init");
  if (init === undefined) throw notRunning(record, verb);
  const { mode } = record.options.pid;
  const hasOwnPids = mode !== "container" && mode !== "path";
  return () => ownPids(init, { hasOwnPids, hasOwnMounts: true });
}

function notRunning(record: ContainerRecord, verb: string): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `${verb} container ${record.name}: it does not run`,
    { hint: `start it with: tsman start ${record.name}`, details: { container: record.id } },
  );
}
