import type { Catalogue } from "../catalogue.ts";
import type { OptionTable } from "../option-spec.ts";
import { optionRow, twoColumns } from "./command-help.ts";

/** `tsman help`. */
export function overviewHelp(catalogue: Catalogue, options: OptionTable): string {
  const { commands, groups } = catalogue;
  const rows = Object.entries(commands)
    .filter(([, entry]) => entry.isAlias !== true)
    .map(([name, { summary }]) => [name, summary] as const);
  const groupRows = Object.entries(groups).map(
    ([name, group]) =>
      [name, `${group.summary}: ${groupNames(catalogue, name).join(", ")}`] as const,
  );
  return [
    "Usage: tsman [OPTIONS] COMMAND …\n\n",
    "Runs containers without root and without a daemon.\n",
    `\nCommands:\n${twoColumns(rows)}`,
    `\nGroups:\n${twoColumns(groupRows)}`,
    `\nOptions:\n${twoColumns(Object.entries(options).map(([name, spec]) => optionRow(name, spec)))}`,
    "\nStart with: tsman run --rm -it busybox sh\n",
    "If it does not work: tsman doctor\n",
  ].join("");
}

/** `tsman image --help`. */
export function groupHelp(catalogue: Catalogue, name: string): string {
  const group = catalogue.groups[name];
  const rows = groupNames(catalogue, name).map(
    (command) => [command, group?.commands[command]?.summary ?? ""] as const,
  );
  return `Usage: tsman ${name} COMMAND …\n\nCommands:\n${twoColumns(rows)}`;
}

function groupNames({ groups }: Catalogue, name: string): string[] {
  return Object.entries(groups[name]?.commands ?? {})
    .filter(([, entry]) => entry.isAlias !== true)
    .map(([command]) => command);
}
