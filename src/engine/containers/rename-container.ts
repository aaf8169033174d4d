import { assertContainerName } from "../../container/names.ts";
import type { EngineContext } from "../context.ts";
import { containerEvent } from "./container-events.ts";
import { getContainer } from "./find-container.ts";

/**
 * Gives a container another name, running or not.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, NAME_INVALID, NAME_IN_USE (naming the holder)
 */
export function renameContainer(context: EngineContext, nameOrId: string, name: string): void {
  assertContainerName(name);
  const { id } = getContainer(context, nameOrId);
  const renamed = context.store.containers.rename(id, name);
  context.events.emit(containerEvent("rename", renamed));
}
