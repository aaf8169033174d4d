import { neededContainers } from "../../bundle/joins.ts";
import { assertContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { EngineContext } from "../context.ts";
import type { CreateIo } from "../types.ts";
import { containerState, isUp } from "./find-container.ts";
import { startContainer } from "./start-container.ts";

/**
 * The options with the ids of required containers instead of their names, which may change.
 *
 * @throws TsmanError USAGE for one that there is not
 */
export function withRequiredIds(
  context: EngineContext,
  options: ContainerOptions,
): ContainerOptions {
  const ids = (options.requires ?? []).map((name) => requiredId(context, options, name));
  return { ...options, requires: [...new Set(ids)] };
}

function requiredId(context: EngineContext, options: ContainerOptions, name: string): string {
  const record = context.store.containers.find(name);
  if (record === undefined) {
    assertContainerName(name);
    // Not CONTAINER_NOT_FOUND: its exit status 1 would pass for the program's own.
    throw new TsmanError("USAGE", `require container ${name}: no such container`, {
      hint: "choose one from: tsman ps --all",
    });
  }
  if (!options.replace || record.name !== options.name) return record.id;
  throw new TsmanError("USAGE", `require container ${name}: it is the one to be replaced`, {
    hint: "name another one with --requires, or leave --replace out",
  });
}

/**
 * Starts what a container with these options needs and what is not up, and what that needs before it.  One
 * that is gone is not missed here: who joins it says so.
 *
 * @throws TsmanError why one of them cannot start
 */
export async function startNeeded(
  context: EngineContext,
  options: ContainerOptions,
  { signal, onWarning }: Pick<CreateIo, "signal" | "onWarning">,
): Promise<void> {
  for (const name of neededContainers(options)) {
    const record = context.store.containers.find(name);
    if (record === undefined || isUp(containerState(context, record))) continue;
    try {
      // In the background: nothing of this process.
      const io = { stdin: 0, stdout: 1, stderr: 2, signal, onWarning } as const;
      (await startContainer(context, record.id, io))?.release();
    } catch (error) {
      throw isTsmanError(error) ? error.within(`start what it needs, ${record.name}`) : error;
    }
  }
}
