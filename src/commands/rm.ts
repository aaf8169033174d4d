import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, value } from "../cli/option-spec.ts";
import { integer } from "../cli/options/scalars.ts";
import { isTsmanError } from "../errors/index.ts";

/** `tsman rm` */
export const rm = defineCommand({
  name: "rm",
  usage: "[OPTIONS] CONTAINER…",
  summary: "remove containers",
  examples: ["tsman rm web", "tsman rm --force --all"],
  options: {
    all: flag({ char: "a", summary: "all containers" }),
    force: flag({ char: "f", summary: "also one that runs: it is stopped first" }),
    ignore: flag({ char: "i", summary: "no error for a container that is not there" }),
    time: value({
      char: "t",
      metavar: "SECONDS",
      summary: "with --force, how long to wait before SIGKILL",
      aliases: ["timeout"],
      parse: integer(-1, 2_147_483),
    }),
    volumes: flag({ char: "v", summary: "also its anonymous volumes" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const choice = { all: values.all, runningOnly: false, verb: "remove" };
    const names = await chosenContainers(engine, positionals, choice);
    return await forEach(names, context, async (name) => {
      try {
        await engine.containers.remove(name, {
          force: values.force,
          timeout: values.time,
          volumes: values.volumes,
        });
        context.stdout.write(`${name}\n`);
      } catch (error) {
        // Podman: --force implies that a missing container is fine.
        const isFine = values.ignore || values.force;
        if (!(isFine && isTsmanError(error, "CONTAINER_NOT_FOUND"))) throw error;
      }
    });
  },
});
