import { chosenContainers, isUp } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, value } from "../cli/option-spec.ts";
import { choosingOptions } from "../cli/options/stop-options.ts";
import { parseSignalText } from "../cli/options/words.ts";

/** `tsman kill` */
export const kill = defineCommand({
  name: "kill",
  usage: "[OPTIONS] CONTAINER…",
  summary: "send containers a signal",
  examples: ["tsman kill web", "tsman kill --signal HUP web"],
  options: {
    all: flag({ char: "a", summary: "all that run" }),
    ...choosingOptions,
    signal: value({
      char: "s",
      metavar: "SIGNAL",
      summary: "name or number (KILL)",
      parse: parseSignalText,
    }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, cidfile: cidFiles } = values;
    const choice = { verb: "kill", all, latest, cidFiles, among: isUp };
    const names = await chosenContainers(engine, positionals, choice);
    return await forEach(names, context, async (name) => {
      await engine.containers.kill(name, values.signal ?? "KILL");
      context.stdout.write(`${name}\n`);
    });
  },
});
