import type { ContainerSummary } from "../engine/types.ts";
import type { Engine } from "./engine.ts";
import { containerFilter } from "./render/container-filter.ts";
import { usageError } from "./usage-error.ts";

/** Which containers `tsman start` and its kin mean. */
export interface StartChoice {
  readonly all: boolean;
  readonly latest: boolean;
  readonly filter: readonly string[];
}

/**
 * The containers that a command which starts them is to start: the named ones, or those that do not
 * run and match.
 */
export async function startableContainers(
  engine: Engine,
  positionals: readonly string[],
  { all, latest, filter }: StartChoice,
): Promise<readonly string[]> {
  const ways = [all || filter.length > 0, latest, positionals.length > 0].filter(Boolean).length;
  if (ways > 1) {
    throw usageError(
      "choose containers: names, --latest, and --all or --filter exclude each other",
      "use one of them",
    );
  }
  if (ways === 0) {
    throw usageError("start containers: none is named", "name one, or use --all");
  }
  if (positionals.length > 0) return positionals;
  const list = await engine.containers.list({ all: true });
  if (latest) return newest(list);
  const accepts = containerFilter(filter);
  return list
    .filter(({ state }) => state === "created" || state === "stopped")
    .filter((container) => accepts(container, list))
    .map(({ id }) => id);
}

function newest(list: readonly ContainerSummary[]): readonly string[] {
  const [first] = list.toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
  if (first !== undefined) return [first.id];
  throw usageError("choose the latest container: there is none", "make one: tsman create IMAGE");
}
