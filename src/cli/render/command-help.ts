import type { Command } from "../command.ts";
import type { OptionSpec } from "../option-spec.ts";

/** `tsman COMMAND --help`. */
export function commandHelp(command: Command): string {
  const rows = Object.entries(command.options)
    .filter(([, spec]) => spec.kind !== "unsupported")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, spec]) => optionRow(name, spec));
  const examples = command.examples.map((example) => `  ${example}\n`).join("");
  return [
    `Usage: tsman ${command.name} ${command.usage}\n\n`,
    `${sentence(command.summary)}\n`,
    `\nOptions:\n${twoColumns(rows)}`,
    examples === "" ? "" : `\nExamples:\n${examples}`,
  ].join("");
}

/** An option's two cells. */
export function optionRow(name: string, spec: OptionSpec): readonly [string, string] {
  const char = spec.char === undefined ? "    " : `-${spec.char}, `;
  if (spec.kind === "unsupported") return [`${char}--${name}`, spec.reason];
  if (spec.kind === "flag") {
    const on = spec.default === true ? " (default: true)" : "";
    return [`${char}--${name}`, `${spec.summary}${on}`];
  }
  const value =
    spec.kind === "value" && spec.bare !== undefined ? `[=${spec.metavar}]` : ` ${spec.metavar}`;
  return [`${char}--${name}${value}`, spec.summary];
}

const maxLeft = 34;

/** Rows with their second cells aligned. */
export function twoColumns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(maxLeft, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows
    .map(([left, right]) =>
      left.length > width
        ? `  ${left}\n  ${" ".repeat(width)}  ${right}\n`
        : `  ${left.padEnd(width)}  ${right}\n`,
    )
    .join("");
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
