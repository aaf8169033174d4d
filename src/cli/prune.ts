import { isTsmanError } from "../errors/index.ts";
import type { CommandContext } from "./command.ts";
import { forEach } from "./each.ts";
import type { Engine } from "./engine.ts";
import type { PrunableObject } from "./render/prune-filter.ts";

/** Which of those that nobody uses go. */
export interface PruneOptions {
  /** Of images: also those that have a name. */
  readonly all?: boolean | undefined;
  readonly accepts: (object: PrunableObject) => boolean;
}

/** Removes the containers that do not run, and prints their ids; the exit status. */
export async function pruneContainers(
  engine: Engine,
  context: CommandContext,
  { accepts }: PruneOptions,
): Promise<number> {
  const list = await engine.containers.list({ all: true });
  const ids = list
    .filter(({ state }) => state === "created" || state === "stopped")
    .filter(accepts)
    .map(({ id }) => id);
  return await removeEach(ids, context, async (id) => {
    await engine.containers.remove(id);
    return [id];
  });
}

/** Removes the images that no container uses, and prints their ids; the exit status. */
export async function pruneImages(
  engine: Engine,
  context: CommandContext,
  { all = false, accepts }: PruneOptions,
): Promise<number> {
  const list = await engine.images.list();
  const ids = list
    .filter(({ containers, names }) => containers === 0 && (all || names.length === 0))
    .filter(accepts)
    .map(({ id }) => id);
  return await removeEach(ids, context, async (id) => {
    const { deleted } = await engine.images.remove(
      id,
      all ? { allNames: true } : { onlyNameless: true },
    );
    return deleted.map((gone) => gone.replace(/^sha256:/, ""));
  });
}

/** @param remove gives what it has removed. */
async function removeEach(
  ids: readonly string[],
  context: CommandContext,
  remove: (id: string) => Promise<readonly string[]>,
): Promise<number> {
  return await forEach(ids, context, async (id) => {
    try {
      for (const gone of await remove(id)) context.stdout.write(`${gone}\n`);
    } catch (error) {
      if (!usedMeanwhile.some((code) => isTsmanError(error, code))) throw error;
    }
  });
}

/** Started, used or removed by another command since. */
const usedMeanwhile = [
  "CONTAINER_RUNNING",
  "CONTAINER_NOT_FOUND",
  "IMAGE_IN_USE",
  "IMAGE_NOT_FOUND",
] as const;
