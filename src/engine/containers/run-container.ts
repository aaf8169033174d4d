import type { ContainerOptions } from "../../container/options.ts";
import { TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo, OwnedSession } from "../owned-session.ts";
import { makeContainer } from "./create-container.ts";
import { launchContainer } from "./launch-container.ts";
import { wasRemoved } from "./lock-container.ts";

/**
 * Makes a container and starts it; whatever fails, nothing is left behind.
 *
 * @throws TsmanError
 */
export async function runContainer(
  context: EngineContext,
  options: ContainerOptions,
  io: OwnedIo,
): Promise<OwnedSession> {
  await using created = await makeContainer(context, options, io, "run");
  const { record, planned } = created;
  let session: OwnedSession;
  try {
    session = await launchContainer(context, record, planned, io);
  } catch (error) {
    if (!(await wasRemoved(context, record))) throw error;
    // Not CONTAINER_NOT_FOUND: its exit status 1 would pass for the program's own.
    throw new TsmanError(
      "RUNTIME_FAILED",
      `run container ${record.name}: another command has removed it before it ran`,
      { cause: error, details: { container: record.id } },
    );
  }
  created.keep();
  return session;
}
