import { defineCommand } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { printPruned } from "../cli/print-pruned.ts";
import { pruneFilter } from "../cli/render/prune-filter.ts";

/** `tsman image prune` */
export const imagePrune = defineCommand({
  name: "image prune",
  usage: "[OPTIONS]",
  summary: "remove images without a name that no container uses, and print their ids",
  examples: ["tsman image prune --all --force --filter until=240h"],
  options: {
    all: flag({ char: "a", summary: "also those with names" }),
    external: flag({ summary: "also those that only other tools use (there are none)" }),
    filter: texts({ metavar: "KEY=VALUE", summary: "only those that pass: until, label, label!" }),
    force: flag({ char: "f", summary: "do not ask" }),
  },
  positionals: { min: 0, max: 0, noun: "image" },
  async run({ values }, context) {
    const accepts = pruneFilter(values.filter);
    const doomed = values.all ? "all images that no container uses" : "all dangling images";
    if (!values.force && !confirm(`This will remove ${doomed}.`, context)) return 0;
    const engine = await context.openEngine();
    const images = values.all ? "unused" : "dangling";
    return await printPruned(engine, context, { images, accepts });
  },
});
