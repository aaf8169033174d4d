import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, value } from "../cli/option-spec.ts";
import { healthOptions } from "../cli/options/health.ts";
import { healthSpecs } from "../cli/options/health-specs.ts";
import { limitSpecs } from "../cli/options/limit-specs.ts";
import { limitOptions } from "../cli/options/limits.ts";
import { parseRestart } from "../cli/options/restart.ts";
import { unsupportedUpdateOptions } from "../cli/options/unsupported.ts";
import { warningsTo } from "../cli/render/error.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman update` */
export const update = defineCommand({
  name: "update",
  usage: "[OPTIONS] CONTAINER…",
  summary: "change what containers were made with",
  examples: [
    "tsman update --memory 512m --cpus 2 web",
    "tsman update --restart unless-stopped web",
    "tsman update --health-interval 10s --health-retries 5 web",
  ],
  options: {
    ...healthSpecs,
    ...limitSpecs,
    latest: flag({ char: "l", summary: "the last one made" }),
    restart: value({
      metavar: "POLICY",
      summary: "no, on-failure[:TIMES], always, unless-stopped",
      parse: parseRestart,
    }),
  },
  refused: unsupportedUpdateOptions,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const { latest, restart } = values;
    const health = healthOptions(values);
    const limits = limitOptions(values);
    if (restart === undefined && health === undefined && limits === undefined) {
      throw usageError(
        "update containers: nothing is to be changed",
        "say what: --memory SIZE, --restart POLICY, one of the --health options …",
      );
    }
    const engine = await context.openEngine();
    const names = await chosenContainers(engine, positionals, { verb: "update", latest });
    return await forEach(names, context, async (name) => {
      const { id, warnings } = await engine.containers.update(name, { restart, health, limits });
      for (const warning of warnings) warningsTo(context.stderr)(warning);
      context.stdout.write(`${id}\n`);
    });
  },
});
