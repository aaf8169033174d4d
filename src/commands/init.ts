import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag } from "../cli/option-spec.ts";
import type { ContainerSummary } from "../engine/types.ts";

const isNew = ({ state }: ContainerSummary): boolean => state === "created" || state === "stopped";

/** `tsman init` */
export const init = defineCommand({
  name: "init",
  usage: "[OPTIONS] CONTAINER…",
  summary: "prepare containers for a start: bundle, volumes and root file system",
  examples: ["tsman init web"],
  options: {
    all: flag({ char: "a", summary: "all that do not run" }),
    latest: flag({ char: "l", summary: "the last one made" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest } = values;
    const choice = { verb: "initialize", all, latest, among: isNew };
    const names = await chosenContainers(engine, positionals, choice);
    const initialize = async (name: string): Promise<void> => {
      await engine.containers.init(name);
      context.stdout.write(`${name}\n`);
    };
    return await forEach(names, context, initialize, { runningStatus: 125 });
  },
});
