import { tsmanVersion } from "../../engine/version.ts";
import { runtimeSpecVersion } from "../../oci/runtime-spec.ts";
import type { OciEntry } from "../oci-commands.ts";
import type { OciOptions } from "./arguments.ts";
import type { OciVerb } from "./verb.ts";

/** `tsman-oci --version`, in the form that callers of runtimes look at. */
export function versionText(): string {
  return `tsman-oci version ${tsmanVersion()}\nspec: ${runtimeSpecVersion}\n`;
}

/** `tsman-oci --help` */
export function overview(verbs: Readonly<Record<string, OciEntry>>, options: OciOptions): string {
  const lines = Object.entries(verbs).map(
    ([name, { summary }]) => `  ${name.padEnd(10)}${summary}`,
  );
  return [
    "usage: tsman-oci [OPTION...] COMMAND [OPTION...] [OPERAND...]",
    "",
    "commands:",
    ...lines,
    "",
    "options:",
    ...optionLines(options),
    "",
  ].join("\n");
}

/** `tsman-oci VERB --help` */
export function verbHelp(name: string, { summary }: OciEntry, verb: OciVerb): string {
  const lines = optionLines(verb.options);
  return [
    `usage: tsman-oci ${name} ${lines.length > 0 ? "[OPTION...] " : ""}${verb.operands}`,
    "",
    `${summary}`,
    ...(lines.length > 0 ? ["", "options:", ...lines] : []),
    "",
  ].join("\n");
}

function optionLines(options: OciOptions): readonly string[] {
  return Object.entries(options).map(([name, { char, value, summary }]) => {
    const short = char === undefined ? "    " : `-${char}, `;
    const long = value === undefined ? `--${name}` : `--${name} ${value}`;
    return `  ${short}${long.padEnd(28)}${summary}`;
  });
}
