import type { ContainerOptions } from "../container/options.ts";
import type { CommandContext } from "./command.ts";
import { containerOptions } from "./options/container-options.ts";
import { readOptionFile } from "./options/read-text.ts";
import type { RunValues } from "./options/run-options.ts";
import { warningText } from "./render/error.ts";
import { isSecondTry } from "./session/hand-over.ts";

/**
 * What `run` and `create` are asked for, in its normal form; what the user should know of it is said.
 *
 * @throws TsmanError USAGE and the like
 */
export function askedOptions(
  values: RunValues,
  positionals: readonly string[],
  context: CommandContext,
): ContainerOptions {
  const { options, warnings } = containerOptions(values, positionals, {
    cwd: context.cwd,
    environment: context.environment,
    readText: readOptionFile,
  });
  for (const warning of isSecondTry(context) ? [] : warnings) {
    context.stderr.write(warningText(warning, context.stderr.isTerminal));
  }
  return { ...options, createCommand: ["tsman", ...context.argv] };
}
