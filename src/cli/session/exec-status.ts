import { type ErrorCode, isTsmanError } from "../../errors/index.ts";
import type { CommandContext } from "../command.ts";
import { errorText } from "../render/error.ts";

/**
 * The container does not run, or cannot run the program so: 255 is Podman's since version 2 for a session
 * that cannot be made, by which Pacemaker's agent, for one, tells that from all other failures
 * (ClusterLabs/resource-agents, heartbeat/podman).
 */
const statuses: { readonly [K in ErrorCode]?: number } = {
  CONTAINER_NOT_RUNNING: 255,
  CONTAINER_PAUSED: 255,
  USER_UNUSABLE: 255,
  WORKDIR_UNUSABLE: 255,
  WORKDIR_NOT_FOUND: 127,
};

/**
 * Runs `session`; where the container can have no such session, that is told here.
 *
 * @returns its exit status.
 * @throws TsmanError all other failures.
 */
export async function orNoSession(
  session: Promise<number>,
  { stderr }: CommandContext,
): Promise<number> {
  try {
    return await session;
  } catch (error) {
    const status = isTsmanError(error) ? statuses[error.code] : undefined;
    if (!isTsmanError(error) || status === undefined) throw error;
    stderr.write(errorText(error, { isTerminal: stderr.isTerminal, isDebug: false }));
    return status;
  }
}
