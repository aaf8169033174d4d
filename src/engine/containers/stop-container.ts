import { setTimeout as delay } from "node:timers/promises";
import { findLiveProcess, type ProcessIdentity } from "../../container/liveness.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { hasRestartPolicy } from "../../container/restart-policy.ts";
import { parseSignal } from "../../container/signals.ts";
import { TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./container-events.ts";
import { askToEnd } from "./end-container.ts";
import { assertNotPaused, containerState, getContainer, isUp } from "./find-container.ts";
import { isPolicyDue } from "./next-life.ts";

const sigkill = 9;
/** Milliseconds between two looks at a container that is to end. */
const longestWait = 20;

/** How {@link stopContainer} goes about it. */
export interface StopRequest {
  /** Seconds, negative: without end; missing: the container's own. */
  readonly timeout?: number | undefined;
  /** Instead of its stop signal; missing: that. */
  readonly stopSignal?: string | undefined;
  /** It is started again at once: `--rm` does not remove it. */
  readonly isKept?: boolean | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Sends the container's stop signal and, when that has not ended it in time, SIGKILL; returns when
 * it is over.  A container that does not run is left as it is, as Podman does.
 */
export async function stopContainer(
  context: EngineContext,
  nameOrId: string,
  { timeout, stopSignal, isKept = false, onWarning }: StopRequest,
): Promise<void> {
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  assertNotPaused(state, record, `stop container ${record.name}`);
  // In any case: whoever is about to start it again asks for this.
  noteStop(context, record);
  const isHeld = state.status === "initialized";
  if (!isUp(state) && !isHeld && !isPolicyDue(context, record)) return;
  const seconds = timeout ?? record.options.stopTimeout;
  const runDir = context.store.containers.runDir(record.id);
  const monitor = findLiveProcess(runDir, "monitor");
  if (isKept) sendMonitorCommand(runDir, { kind: "keep" });
  // One between two lives has nothing to be waited for.
  const asked = askToEnd(context, record, isUp(state) ? seconds : 0, stopSignal);
  await endOf(runDir, monitor);
  const ended = containerState(context, record);
  const warning = asked.warning(ended.status === "exited" ? ended.exit : undefined);
  if (warning !== undefined) onWarning?.(warning);
  context.events.emit(containerEvent("stop", record));
}

/**
 * Waits for the end of this one life: another command may start the container again before it could
 * be seen that it was over.
 */
async function endOf(runDir: string, monitor: ProcessIdentity | undefined): Promise<void> {
  for (let wait = 1; monitor !== undefined; wait = Math.min(wait * 2, longestWait)) {
    const now = findLiveProcess(runDir, "monitor");
    if (now?.pid !== monitor.pid || now.startTime !== monitor.startTime) return;
    await delay(wait);
  }
}

/** With a restart policy, says that somebody wants the end. */
function noteStop(context: EngineContext, record: ContainerRecord): void {
  if (!hasRestartPolicy(record.options.restart)) return;
  context.store.containers.update(record.id, { stoppedByUser: true });
}

/**
 * Sends a signal to the container's first process.
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING, USAGE (no such signal)
 */
export function killContainer(context: EngineContext, nameOrId: string, signal = "KILL"): void {
  const number = parseSignal(signal);
  const record = getContainer(context, nameOrId);
  const state = containerState(context, record);
  if (number !== sigkill) {
    assertNotPaused(state, record, `send ${signal} to container ${record.name}`);
  }
  // Docker's rule: a signal that ends it is meant to.
  if (number === sigkill || number === parseSignal(record.stopSignal)) noteStop(context, record);
  const runDir = context.store.containers.runDir(record.id);
  if (isUp(state) && sendMonitorCommand(runDir, { kind: "signal", signal: number })) {
    context.events.emit(containerEvent("kill", record, { signal: String(number) }));
    return;
  }
  throw new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `send ${signal} to container ${record.name}: it does not run`,
    {
      details: { container: record.id },
    },
  );
}
