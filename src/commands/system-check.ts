import { defineCommand } from "../cli/command.ts";
import { flag, value } from "../cli/option-spec.ts";
import { escapeCell } from "../cli/render/escape.ts";
import { invalidValue } from "../cli/usage-error.ts";
import { findDuration } from "../config/duration.ts";

/** `tsman system check` */
export const check = defineCommand({
  name: "system check",
  usage: "[OPTIONS]",
  summary: "compare the store with what is there, and end with 1 if something is wrong",
  examples: ["tsman system check --quick", "tsman system check --repair --max 1h"],
  options: {
    quick: flag({ char: "q", summary: "leave out what reads whole files" }),
    repair: flag({ char: "r", summary: "remove what is wrong, or make it anew" }),
    force: flag({ char: "f", summary: "with --repair: also containers of damaged images" }),
    max: value({
      char: "m",
      metavar: "DURATION",
      summary: "how long content may belong to no image (24h)",
      parse: parseAge,
    }),
  },
  positionals: { min: 0, max: 0, noun: "argument" },
  async run({ values }, context) {
    const { stdout } = context;
    const engine = await context.openEngine();
    const { quick, repair, force, max: maxAge } = values;
    const signal = context.interruption();
    let left = 0;
    for await (const finding of engine.check({ quick, repair, force, maxAge, signal })) {
      const { kind, subject, problem, repair: done, obstacle } = finding;
      if (done === undefined) left += 1;
      const outcome = done ?? (obstacle === undefined ? undefined : `not repaired: ${obstacle}`);
      const line = `${kind} ${subject}: ${problem}${outcome === undefined ? "" : ` (${outcome})`}`;
      stdout.write(`${stdout.isTerminal ? escapeCell(line) : line}\n`);
    }
    return left === 0 ? 0 : 1;
  },
});

function parseAge(text: string, option: string): number {
  const age = findDuration(text);
  if (age !== undefined) return age;
  throw invalidValue(option, text, "not a duration", "write it like 90m, 24h or 0s");
}
