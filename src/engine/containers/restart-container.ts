import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { RestartOptions } from "../types.ts";
import { thisProcess } from "./abandoned.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { discardFailed } from "./remove-container.ts";
import { startContainer } from "./start-container.ts";
import { stopContainer } from "./stop-container.ts";

/**
 * Stops a container, if it runs, and starts it in the background.  One that is removed at its end
 * (`--rm`) stays for its next life; when that cannot begin, it goes.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, and why it cannot start.
 */
export async function restartContainer(
  context: EngineContext,
  nameOrId: string,
  options: RestartOptions = {},
): Promise<void> {
  const record = getContainer(context, nameOrId);
  const isKept = record.options.remove && isUp(containerState(context, record));
  if (isKept) takeOver(context, record);
  const { timeout, stopSignal, onWarning } = options;
  await stopContainer(context, record.id, { timeout, stopSignal, isKept, onWarning });
  try {
    const session = await startContainer(
      context,
      record.id,
      // It is in the background: nothing of this process.
      { stdin: 0, stdout: 1, stderr: 2, signal: options.signal, onWarning: options.onWarning },
      {},
      { isKept },
    );
    session?.release();
  } catch (error) {
    if (isKept) await discardFailed(context, record);
    throw error;
  }
  context.events.emit(containerEvent("restart", record));
}

/** Between its lives it is this process that sees to its removal: see `isAbandoned`. */
function takeOver(context: EngineContext, record: ContainerRecord): void {
  if (record.options.ephemeral === true) return;
  context.store.containers.update(record.id, { starter: thisProcess() });
}
