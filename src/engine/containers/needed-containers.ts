import { neededContainers } from "../../bundle/joins.ts";
import { assertContainerName } from "../../container/names.ts";
import type { ContainerOptions } from "../../container/options.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../store/containers.ts";
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
 * @throws TsmanError USAGE where one of them needs itself in the end, else why one cannot start
 */
export async function startNeeded(
  context: EngineContext,
  options: ContainerOptions,
  { signal, onWarning }: Pick<CreateIo, "signal" | "onWarning">,
): Promise<void> {
  assertNoCircle(context, options, []);
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

/**
 * Names may change after they were given, so that two containers can need each other.
 *
 * @param path those that lead to these options.
 * @param seen those of which all that they need has been looked at.
 */
function assertNoCircle(
  context: EngineContext,
  options: ContainerOptions,
  path: readonly ContainerRecord[],
  seen: Set<string> = new Set(),
): void {
  for (const needed of neededContainers(options)) {
    const record = context.store.containers.find(needed);
    if (record === undefined || seen.has(record.id)) continue;
    const from = path.findIndex(({ id }) => id === record.id);
    if (from >= 0) {
      const circle = [...path.slice(from), record].map(({ name }) => name).join(", which needs ");
      throw new TsmanError("USAGE", `start what is needed: a circle: ${circle}`, {
        hint: `start one of them without the others: rename or remove ${record.name}`,
      });
    }
    assertNoCircle(context, record.options, [...path, record], seen);
    seen.add(record.id);
  }
}
