import { chosenContainers, isMeantToRun } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach, severalAtOnce } from "../cli/each.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { choosingOptions, stopOptions } from "../cli/options/stop-options.ts";
import { warningsTo } from "../cli/render/error.ts";

/** `tsman stop` */
export const stop = defineCommand({
  name: "stop",
  usage: "[OPTIONS] CONTAINER…",
  summary: "stop containers: their stop signal, then SIGKILL",
  examples: ["tsman stop web", "tsman stop --time 2 --all", "tsman stop --filter label=tier=front"],
  options: {
    all: flag({ char: "a", summary: "all that run" }),
    ...choosingOptions,
    filter: texts({
      char: "f",
      metavar: "KEY=VALUE",
      summary: "those that run and pass, as of ps",
    }),
    ignore: flag({ char: "i", summary: "no error for a container that is not there" }),
    ...stopOptions,
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, filter: filters, cidfile: cidFiles } = values;
    const choice = { verb: "stop", all, latest, filters, cidFiles, among: isMeantToRun };
    return await forEach(
      await chosenContainers(engine, positionals, choice),
      context,
      async (name) => {
        await engine.containers.stop(name, {
          timeout: values.time,
          stopSignal: values.signal,
          onWarning: warningsTo(context.stderr),
        });
        context.stdout.write(`${name}\n`);
      },
      { parallel: severalAtOnce, ignoreMissing: values.ignore },
    );
  },
});
