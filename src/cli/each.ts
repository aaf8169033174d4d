import { toTsmanError } from "../errors/index.ts";
import type { CommandContext } from "./command.ts";
import { errorText } from "./render/error.ts";

/**
 * Does the same for several things, as `rm a b c` does: one failure is told, and the others still
 * get their turn.
 *
 * @returns the exit status: that of the last failure, or 0.
 */
export async function forEach(
  names: readonly string[],
  context: CommandContext,
  action: (name: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const name of names) {
    try {
      await action(name);
    } catch (thrown) {
      const error = toTsmanError(thrown, name);
      if (error.code === "INTERRUPTED") throw error;
      const { isTerminal } = context.stderr;
      context.stderr.write(errorText(error, { isTerminal, isDebug: false }));
      status = error.exitStatus;
    }
  }
  return status;
}
