import { neededContainers } from "../../bundle/joins.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { getContainer } from "./find-container.ts";
import { type RemoveOptions, removeContainer } from "./remove-container.ts";

/** The containers that start after this one: `--network container:NAME`, `--requires`. */
function dependentsOf(context: EngineContext, record: ContainerRecord): ContainerRecord[] {
  const { containers } = context.store;
  return containers.list().filter(({ id, options }) => {
    if (id === record.id) return false;
    return neededContainers(options).some(
      (container) => containers.find(container)?.id === record.id,
    );
  });
}

/**
 * Removes a container, and with `depend` those before it that share its namespaces or require it:
 * they could not be started without it.
 *
 * @param waiting ids of those that go after this one.
 * @throws TsmanError CONTAINER_IN_USE when there are such and `depend` is not set;
 * CONTAINER_NOT_FOUND, CONTAINER_RUNNING
 */
export async function removeWithDependents(
  context: EngineContext,
  nameOrId: string,
  options: RemoveOptions & { readonly depend?: boolean | undefined },
  waiting: ReadonlySet<string> = new Set(),
): Promise<void> {
  const record = getContainer(context, nameOrId);
  // Names may change, so that two can need each other.
  const dependents = dependentsOf(context, record).filter(({ id }) => !waiting.has(id));
  if (dependents.length > 0 && options.depend !== true) {
    const names = dependents.map(({ name }) => name);
    throw new TsmanError(
      "CONTAINER_IN_USE",
      `remove container ${record.name}: it is needed by ${names.join(", ")}`,
      {
        hint: `remove these too: tsman rm --depend ${record.name}`,
        details: { container: record.id, dependents: names },
      },
    );
  }
  for (const { id } of dependents) {
    try {
      await removeWithDependents(context, id, options, new Set([...waiting, record.id]));
    } catch (error) {
      // A dependent of two is gone when the second one's turn comes, as is one that is removed
      // beside this.
      if (!isTsmanError(error, "CONTAINER_NOT_FOUND")) throw error;
    }
  }
  await removeContainer(context, record.id, options);
}
