import { chosenContainers, isUp } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach, severalAtOnce } from "../cli/each.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { choosingOptions, stopOptions } from "../cli/options/stop-options.ts";
import { warningsTo } from "../cli/render/error.ts";

/** `tsman restart` */
export const restart = defineCommand({
  name: "restart",
  usage: "[OPTIONS] CONTAINER…",
  summary: "stop containers, if they run, and start them",
  examples: ["tsman restart web", "tsman restart --running --time 2"],
  options: {
    all: flag({ char: "a", summary: "all containers" }),
    ...choosingOptions,
    filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "those that pass, as of ps" }),
    running: flag({ summary: "all that run" }),
    ...stopOptions,
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, running, latest, filter: filters, cidfile: cidFiles } = values;
    const choice = {
      ...{ verb: "restart", all: all || running, latest, filters, cidFiles },
      ...(running && { among: isUp }),
    };
    const onWarning = warningsTo(context.stderr);
    return await forEach(
      await chosenContainers(engine, positionals, choice),
      context,
      async (name) => {
        const { time: timeout, signal: stopSignal } = values;
        await engine.containers.restart(name, { timeout, stopSignal, onWarning });
        context.stdout.write(`${name}\n`);
      },
      { parallel: severalAtOnce },
    );
  },
});
