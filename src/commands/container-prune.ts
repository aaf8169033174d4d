import { defineCommand } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { printPruned } from "../cli/print-pruned.ts";
import { pruneFilter } from "../cli/render/prune-filter.ts";

/** `tsman container prune` */
export const prune = defineCommand({
  name: "container prune",
  usage: "[OPTIONS]",
  summary: "remove all containers that do not run, and print their ids",
  examples: ["tsman container prune --force --filter until=24h --filter label!=keep"],
  options: {
    filter: texts({ metavar: "KEY=VALUE", summary: "only those that pass: until, label, label!" }),
    force: flag({ char: "f", summary: "do not ask" }),
  },
  positionals: { min: 0, max: 0, noun: "container" },
  async run({ values }, context) {
    const accepts = pruneFilter(values.filter);
    if (!values.force && !confirm("This will remove all stopped containers.", context)) return 0;
    const engine = await context.openEngine();
    return await printPruned(engine, context, { containers: true, accepts });
  },
});
