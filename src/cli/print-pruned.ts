import type { Pruned, PruneOptions } from "../engine/types.ts";
import type { CommandContext } from "./command.ts";
import type { Engine } from "./engine.ts";
import { errorText } from "./render/error.ts";

/** What stands above what was removed. */
const headings: Readonly<Record<Pruned["kind"], string>> = {
  container: "Deleted Containers",
  image: "Deleted Images",
  volume: "Deleted Volumes",
};

/**
 * Removes what nobody uses, and prints what is gone, a line each, and on stderr what could not be.
 *
 * @param hasHeadings one for each kind of thing.
 * @returns the exit status.
 */
export async function printPruned(
  engine: Engine,
  context: CommandContext,
  options: PruneOptions,
  hasHeadings = false,
): Promise<number> {
  const { stdout, stderr } = context;
  let status = 0;
  let heading: string | undefined;
  const signal = context.interruption();
  for await (const { kind, id, error } of engine.system.prune({ ...options, signal })) {
    if (error !== undefined) {
      stderr.write(errorText(error, { isTerminal: stderr.isTerminal, isDebug: false }));
      status = error.exitStatus;
      continue;
    }
    if (hasHeadings && heading !== headings[kind]) {
      heading = headings[kind];
      stdout.write(`${heading}\n`);
    }
    stdout.write(`${id.replace(/^sha256:/, "")}\n`);
  }
  return status;
}
