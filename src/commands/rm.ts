import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach, severalAtOnce } from "../cli/each.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { choosingOptions, stopTime } from "../cli/options/stop-options.ts";
import { warningsTo } from "../cli/render/error.ts";

/** `tsman rm` */
export const rm = defineCommand({
  name: "rm",
  usage: "[OPTIONS] CONTAINER…",
  summary: "remove containers",
  examples: ["tsman rm web", "tsman rm --force --all", "tsman rm --filter status=exited"],
  options: {
    all: flag({ char: "a", summary: "all containers" }),
    ...choosingOptions,
    depend: flag({ summary: "before it, those that use its namespaces" }),
    filter: texts({ metavar: "KEY=VALUE", summary: "those that pass, as of ps" }),
    force: flag({ char: "f", summary: "also one that runs: it is stopped first" }),
    ignore: flag({ char: "i", summary: "no error for a container that is not there" }),
    time: stopTime("with --force: how long to wait before SIGKILL; 0: not at all"),
    volumes: flag({ char: "v", summary: "also its anonymous volumes" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, filter: filters, cidfile: cidFiles } = values;
    const isEverything = all && filters.length === 0;
    const choice = { verb: "remove", all, latest, filters, cidFiles };
    return await forEach(
      await chosenContainers(engine, positionals, choice),
      context,
      async (name) => {
        await engine.containers.remove(name, {
          force: values.force,
          // All are meant: which goes first is nobody's business.
          depend: values.depend || isEverything,
          timeout: values.time,
          volumes: values.volumes,
          onWarning: warningsTo(context.stderr),
        });
        context.stdout.write(`${name}\n`);
      },
      // Podman: --force implies that a missing container is fine.
      {
        parallel: severalAtOnce,
        missingStatus: 1,
        ignoreMissing: values.ignore || values.force || isEverything,
      },
    );
  },
});
