import type { Engine } from "./engine.ts";
import { usageError } from "./usage-error.ts";

/** The containers that a command's `--all` or its positionals mean. */
export async function chosenContainers(
  engine: Engine,
  positionals: readonly string[],
  choice: { readonly all: boolean; readonly runningOnly: boolean; readonly verb: string },
): Promise<readonly string[]> {
  if (choice.all) {
    if (positionals.length > 0) {
      throw usageError(
        `${choice.verb} containers: --all leaves nothing to name`,
        "name containers, or use --all",
      );
    }
    const list = await engine.containers.list({ all: !choice.runningOnly });
    return list.map(({ id }) => id);
  }
  if (positionals.length === 0) {
    throw usageError(`${choice.verb} containers: none is named`, "name one, or use --all");
  }
  return positionals;
}
