import { TsmanError } from "../../errors/index.ts";
import { hasEndedUnexecuted, readLife } from "../../platform/process-start-time.ts";
import { monitorFailureOf } from "../../runtime/failure.ts";
import { startWaiting } from "../../runtime/start-client.ts";
import { getOciContainer, readConfigOf, stateOf } from "./container-directory.ts";
import { deleteOciContainer } from "./end-oci-container.ts";
import { runHooks } from "./hooks.ts";
import type { OciContext } from "./oci-types.ts";
import { countFilters, verifyStart } from "./verify-start.ts";
import { findStep } from "./waiting-steps.ts";

/**
 * `start`: the program of a created container.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING in any state but created,
 * COMMAND_NOT_FOUND and the like; RUNTIME_FAILED of a hook, and then it is deleted (runtime.md,
 * "Lifecycle", 7 and 9).
 */
export async function startOciContainer(context: OciContext, id: string): Promise<void> {
  const container = getOciContainer(context, id);
  if (container.status !== "created") {
    throw new TsmanError(
      "CONTAINER_NOT_RUNNING",
      `start container ${id}: cannot start a container that is ${container.status}`,
      { hint: "only a created container can be started, and only once", details: { id } },
    );
  }
  const { init, directory } = container;
  const life = () => {
    const found = init && readLife(init.pid);
    return found?.startTime === init?.startTime ? found : undefined;
  };
  const filters = init && countFilters(init);
  try {
    await startWaiting({
      runDir: directory,
      findStep: (index) => findStep(directory, index),
      onWarning: context.onWarning,
      isOver: () => life()?.hasExecuted ?? true,
      hasExecuted: () => life()?.hasExecuted ?? false,
    });
  } catch (error) {
    if (isOfHook(error)) await deleteOciContainer(context, id, true);
    throw error;
  }
  if (init !== undefined) {
    // Of a filter that denies all it could not say why.
    if (hasEndedUnexecuted(init.pid, init.startTime)) throw unexecuted(id);
    verifyStart(container.record, init, filters);
  }
  if (!container.record.hooks.poststart) return;
  const { parseRuntimeConfig } = await import("../../oci/runtime-config.ts");
  const { hooks } = parseRuntimeConfig(readConfigOf(directory), "config.json");
  const now = getOciContainer(context, id);
  try {
    await runHooks("poststart", hooks?.poststart, stateOf(now), context.signal);
  } catch (error) {
    await deleteOciContainer(context, id, true);
    throw error;
  }
}

function unexecuted(id: string): TsmanError {
  return new TsmanError(
    "COMMAND_NOT_EXECUTABLE",
    `start container ${id}: its first process ended before it could execute the program`,
    {
      hint: "its system call filter denies that (/linux/seccomp), or somebody has killed it",
      details: { id },
    },
  );
}

/** Whether a hook of the container's own namespaces has failed, and not the program. */
function isOfHook(error: unknown): boolean {
  return monitorFailureOf(error)?.operation === "run hook";
}
