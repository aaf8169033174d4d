import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, texts } from "../cli/option-spec.ts";
import type { ContainerSummary } from "../engine/types.ts";

const among = ({ state }: ContainerSummary): boolean => state === "paused";

/** `tsman unpause` */
export const unpause = defineCommand({
  name: "unpause",
  usage: "[OPTIONS] CONTAINER…",
  summary: "let paused containers go on",
  examples: ["tsman unpause web"],
  options: {
    all: flag({ char: "a", summary: "all that are paused" }),
    cidfile: texts({ metavar: "FILE", summary: "the container whose id is in FILE" }),
    filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "those that pass, as of ps" }),
    latest: flag({ char: "l", summary: "the last one made" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, filter: filters, cidfile: cidFiles } = values;
    const choice = { verb: "unpause", all, latest, filters, cidFiles, among };
    const names = await chosenContainers(engine, positionals, choice);
    return await forEach(names, context, async (name) => {
      await engine.containers.unpause(name);
      context.stdout.write(`${name}\n`);
    });
  },
});
