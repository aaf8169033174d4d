import { usageError } from "../usage-error.ts";
import type { OciArguments } from "./arguments.ts";

/** What the file of a process says; a terminal it may be given besides, as with the other runtimes. */
const said = "cwd env user additional-gids cap no-new-privs apparmor process-label".split(" ");

/**
 * Refuses what a file of `exec --process` would say.
 *
 * @throws TsmanError USAGE
 */
export function refuseBeside(args: OciArguments, command: readonly string[]): void {
  const option = said.find((name) => args.list(name).length > 0);
  const beside = command.length > 0 ? "a command" : option === undefined ? "" : `--${option}`;
  if (beside === "") return;
  throw usageError(`use --process with ${beside}`, "write that into the file");
}

/**
 * `NAME=VALUE`, as in a config.json.
 *
 * @throws TsmanError USAGE
 */
export function parseVariable(text: string): string {
  if (text.indexOf("=") > 0) return text;
  throw usageError(
    `use --env ${text}: not NAME=VALUE`,
    `write --env ${text.replace(/=.*/s, "") || "NAME"}=VALUE`,
  );
}

/**
 * A group for `exec --additional-gids`.
 *
 * @throws TsmanError USAGE
 */
export function parseGid(text: string): number {
  if (/^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff) return Number(text);
  throw usageError(`use --additional-gids ${text}: not a group's number`, "write a number");
}
