import { latestOf } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { descriptorNames, processColumns } from "../cli/render/process-columns.ts";
import { isPsOptions, psColumns } from "../cli/render/ps-options.ts";
import { renderTable } from "../cli/render/table.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman top` */
export const top = defineCommand({
  name: "top",
  usage: "[OPTIONS] CONTAINER [COLUMN… | PS-OPTION…]",
  summary: "list the processes of a container, without running anything in it",
  examples: [
    "tsman top web",
    "tsman top web pid huser pcpu args",
    "tsman top web -eo pid,etime,args",
  ],
  options: {
    latest: flag({ char: "l", summary: "the last one made" }),
    "list-descriptors": flag({ summary: "print the names of all columns instead" }),
  },
  // `-eo` after the name is ps(1)'s.
  stopAtPositional: true,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    if (values["list-descriptors"]) {
      context.stdout.write(`${descriptorNames.join("\n")}\n`);
      return 0;
    }
    const [first, ...rest] = positionals;
    if (first === undefined && !values.latest) {
      throw usageError("list processes: no container is named", "name one, or use --latest");
    }
    const words = values.latest ? positionals : rest;
    const columns = isPsOptions(words) ? psColumns(words) : processColumns(words);
    const engine = await context.openEngine();
    const name = values.latest
      ? latestOf(await engine.containers.list({ all: true }), "list processes of").id
      : (first ?? "");
    const processes = await engine.containers.processes(name);
    const rows = processes.map((one) => columns.map(({ cell }) => cell(one)));
    const headings = columns.map(({ heading }) => heading);
    const header = headings.some(Boolean) ? headings : undefined;
    context.stdout.write(renderTable(header, rows, context.stdout.isTerminal));
    return 0;
  },
});
