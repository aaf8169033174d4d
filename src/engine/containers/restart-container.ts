import { TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import type { RestartOptions } from "../types.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { startContainer } from "./start-container.ts";
import { stopContainer } from "./stop-container.ts";

/**
 * Stops a container, if it runs, and starts it in the background.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND; CONTAINER_RUNNING for one that is removed when it ends;
 * and why it cannot start.
 */
export async function restartContainer(
  context: EngineContext,
  nameOrId: string,
  options: RestartOptions = {},
): Promise<void> {
  const record = getContainer(context, nameOrId);
  if (record.options.remove && isUp(containerState(context, record))) {
    throw new TsmanError(
      "CONTAINER_RUNNING",
      `restart container ${record.name}: it is removed as soon as it ends (--rm)`,
      { hint: "stop it and run its image again", details: { container: record.id } },
    );
  }
  await stopContainer(context, record.id, options.timeout);
  const session = await startContainer(context, record.id, {
    // It is in the background: nothing of this process.
    ...{ stdin: 0, stdout: 1, stderr: 2 },
    signal: options.signal,
    onWarning: options.onWarning,
  });
  session?.release();
  context.events.emit(containerEvent("restart", record));
}
