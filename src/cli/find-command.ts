import { nearest } from "../config/nearest.ts";
import type { Catalogue, CommandEntry } from "./catalogue.ts";
import { unsupportedCommand } from "./unsupported-commands.ts";
import { unsupported, usageError } from "./usage-error.ts";

/** A command found, with the arguments that are its own. */
export interface FoundCommand {
  /** As typed: `image ls`. */
  readonly name: string;
  readonly entry: CommandEntry;
  readonly rest: readonly string[];
}

/**
 * Finds the command that a command line names.
 *
 * @returns undefined for a group without a command, which wants its help.
 * @throws TsmanError OPTION_UNSUPPORTED for a command that only others have; else USAGE, with the
 * nearest name there is.
 */
export function findCommand(
  argv: readonly string[],
  { commands, groups }: Catalogue,
): FoundCommand | undefined {
  const [first = "", second, ...rest] = argv;
  const entry = own(commands, first);
  if (entry !== undefined) return { name: first, entry, rest: argv.slice(1) };
  const group = own(groups, first);
  if (group === undefined) {
    throw unknown(first, [...Object.keys(commands), ...Object.keys(groups)]);
  }
  if (second === undefined || second === "--help" || second === "-h") return undefined;
  const inGroup = own(group.commands, second);
  if (inGroup === undefined) throw unknown(second, Object.keys(group.commands), first);
  return { name: `${first} ${second}`, entry: inGroup, rest };
}

/** A table's own member: `tsman constructor` is no command. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function unknown(typed: string, names: readonly string[], group?: string): Error {
  const prefix = group === undefined ? "tsman" : `tsman ${group}`;
  const elsewhere = unsupportedCommand(typed, group);
  if (elsewhere !== undefined) {
    return unsupported(`${prefix} ${typed}`, elsewhere.reason, elsewhere.hint);
  }
  const near = nearest(typed, names);
  return usageError(
    `unknown command ${JSON.stringify(typed)}`,
    near === undefined ? `see ${prefix} --help` : `did you mean ${prefix} ${near}?`,
  );
}
