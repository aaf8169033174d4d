import { defineCommand } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { printPruned } from "../cli/print-pruned.ts";
import { compactSize } from "../cli/render/human.ts";
import { pruneFilter } from "../cli/render/prune-filter.ts";

/** `tsman system prune` */
export const systemPrune = defineCommand({
  name: "system prune",
  usage: "[OPTIONS]",
  summary: "remove what nobody uses: containers, images, downloads, and, if asked to, volumes",
  examples: ["tsman system prune --force", "tsman system prune --all --volumes --force"],
  options: {
    all: flag({ char: "a", summary: "also images with names that no container uses" }),
    filter: texts({ metavar: "KEY=VALUE", summary: "only those that pass: until, label, label!" }),
    force: flag({ char: "f", summary: "do not ask" }),
    volumes: flag({ summary: "also volumes that no container uses" }),
  },
  positionals: { min: 0, max: 0, noun: "argument" },
  async run({ values }, context) {
    const { all, volumes } = values;
    const accepts = pruneFilter(values.filter);
    const doomed = [
      "all containers that do not run",
      all ? "all images that no container uses" : "all dangling images",
      ...(volumes ? ["all volumes that no container uses"] : []),
      "downloads that were interrupted, and copies of layers for ids that no container has",
    ];
    const warning = `This will remove:\n${doomed.map((one) => `\t- ${one}`).join("\n")}\n`;
    if (!values.force && !confirm(warning, context)) return 0;
    const engine = await context.openEngine();
    const before = await engine.system.size();
    const images = all ? "unused" : "dangling";
    const options = { containers: true, images, volumes, leftOver: true, accepts } as const;
    const status = await printPruned(engine, context, options, true);
    const freed = Math.max(0, before - (await engine.system.size()));
    context.stdout.write(`Total reclaimed space: ${compactSize(freed)}\n`);
    return status;
  },
});
