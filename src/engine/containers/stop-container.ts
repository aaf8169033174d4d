import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { parseSignal } from "../../container/signals.ts";
import { TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer } from "./find-container.ts";
import { waitForExit } from "./wait-for-exit.ts";

/**
 * Sends the container's stop signal and, when that has not ended it in time, SIGKILL; returns when
 * it is over.  A container that does not run is left as it is, as Podman does.
 *
 * @param timeout seconds; missing: the container's own.
 */
export async function stopContainer(
  context: EngineContext,
  nameOrId: string,
  timeout: number | undefined,
): Promise<void> {
  const record = getContainer(context, nameOrId);
  if (containerState(context, record).status !== "running") return;
  const seconds = timeout ?? record.options.stopTimeout;
  sendMonitorCommand(context.store.containers.runDir(record.id), {
    kind: "stop",
    signal: parseSignal(record.stopSignal),
    milliseconds: Math.round(seconds * 1000),
  });
  await waitForExit(context, record);
  context.events.emit(containerEvent("stop", record));
}

/**
 * Sends a signal to the container's first process.
 *
 * @throws TsmanError CONTAINER_NOT_RUNNING, USAGE (no such signal)
 */
export function killContainer(context: EngineContext, nameOrId: string, signal = "KILL"): void {
  const number = parseSignal(signal);
  const record = getContainer(context, nameOrId);
  const isRunning = containerState(context, record).status === "running";
  const runDir = context.store.containers.runDir(record.id);
  if (isRunning && sendMonitorCommand(runDir, { kind: "signal", signal: number })) {
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
