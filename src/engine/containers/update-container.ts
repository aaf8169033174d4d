import { hasRestartPolicy } from "../../container/restart-policy.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerChanges } from "../types.ts";
import { containerEvent } from "./container-events.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";

/**
 * Changes what a container was made with.
 *
 * @returns the container's id, and what the user should know.
 * @throws TsmanError CONTAINER_NOT_FOUND, USAGE
 */
export function updateContainer(
  context: EngineContext,
  nameOrId: string,
  changes: ContainerChanges,
): { readonly id: string; readonly warnings: readonly string[] } {
  const { id } = getContainer(context, nameOrId);
  const { containers } = context.store;
  const warnings: string[] = [];
  const updated = containers.change(id, (record) => {
    const { restart } = changes;
    // Its monitor executes something at its end only if it was told so when it began.
    const isLate = !hasRestartPolicy(record.options.restart) && hasRestartPolicy(restart);
    if (isLate && isUp(containerState(context, record))) {
      warnings.push(
        `container ${record.name} runs without a restart policy: the new one counts from its next start`,
      );
    }
    return { options: { ...record.options, ...(restart !== undefined && { restart }) } };
  });
  if (updated !== undefined) context.events.emit(containerEvent("update", updated));
  return { id, warnings };
}
