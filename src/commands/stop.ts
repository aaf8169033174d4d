import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, value } from "../cli/option-spec.ts";
import { integer } from "../cli/options/scalars.ts";
import { isTsmanError } from "../errors/index.ts";

/** `tsman stop` */
export const stop = defineCommand({
  name: "stop",
  usage: "[OPTIONS] CONTAINER…",
  summary: "stop containers: their stop signal, then SIGKILL",
  examples: ["tsman stop web", "tsman stop --time 2 --all"],
  options: {
    all: flag({ char: "a", summary: "all that run" }),
    ignore: flag({ char: "i", summary: "no error for a container that is not there" }),
    time: value({
      char: "t",
      metavar: "SECONDS",
      summary: "how long to wait before SIGKILL",
      aliases: ["timeout"],
      parse: integer(-1, 2_147_483),
    }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const choice = { all: values.all, runningOnly: true, verb: "stop" };
    const names = await chosenContainers(engine, positionals, choice);
    return await forEach(names, context, async (name) => {
      try {
        await engine.containers.stop(name, { timeout: values.time });
        context.stdout.write(`${name}\n`);
      } catch (error) {
        if (!(values.ignore && isTsmanError(error, "CONTAINER_NOT_FOUND"))) throw error;
      }
    });
  },
});
