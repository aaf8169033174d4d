import { latestOf } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { processColumns } from "../cli/render/process-columns.ts";
import { renderTable } from "../cli/render/table.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman top` */
export const top = defineCommand({
  name: "top",
  usage: "[OPTIONS] CONTAINER [COLUMN…]",
  summary: "list the processes of a container, without running anything in it",
  examples: ["tsman top web", "tsman top web pid huser pcpu args"],
  options: { latest: flag({ char: "l", summary: "the last one made" }) },
  // `-eo` after the name is ps(1)'s, and refused as such.
  stopAtPositional: true,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const [first, ...rest] = positionals;
    if (first === undefined && !values.latest) {
      throw usageError("list processes: no container is named", "name one, or use --latest");
    }
    const columns = processColumns(values.latest ? positionals : rest);
    const engine = await context.openEngine();
    const name = values.latest
      ? latestOf(await engine.containers.list({ all: true }), "list processes of").id
      : (first ?? "");
    const processes = await engine.containers.processes(name);
    const rows = processes.map((one) => columns.map(({ cell }) => cell(one)));
    const header = columns.map(({ heading }) => heading);
    context.stdout.write(renderTable(header, rows, context.stdout.isTerminal));
    return 0;
  },
});
