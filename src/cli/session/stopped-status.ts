import { isTsmanError } from "../../errors/index.ts";
import type { CommandContext } from "../command.ts";
import { errorText } from "../render/error.ts";

/**
 * Podman's since version 2 for an exec in a container that does not run or is paused, by which Pacemaker's agent,
 * for one, tells that from all other failures (ClusterLabs/resource-agents, heartbeat/podman).
 */
const stoppedStatus = 255;

/**
 * Runs `session`; where the container does not run or is paused, that is told here.
 *
 * @returns its exit status.
 * @throws TsmanError all other failures.
 */
export async function orStoppedStatus(
  session: Promise<number>,
  { stderr }: CommandContext,
): Promise<number> {
  try {
    return await session;
  } catch (error) {
    if (!isTsmanError(error, "CONTAINER_NOT_RUNNING") && !isTsmanError(error, "CONTAINER_PAUSED")) {
      throw error;
    }
    stderr.write(errorText(error, { isTerminal: stderr.isTerminal, isDebug: false }));
    return stoppedStatus;
  }
}
