import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag, list, value } from "../cli/option-spec.ts";
import { parseInterval } from "../cli/options/duration.ts";
import { oneOf } from "../cli/options/scalars.ts";
import type { WaitCondition } from "../engine/types.ts";

const parseCondition = oneOf(
  "configured",
  "created",
  "initialized",
  "running",
  "paused",
  "stopped",
  "exited",
  "unknown",
  "removing",
  "healthy",
  "unhealthy",
) satisfies (text: string, option: string) => WaitCondition;

/** `tsman wait` */
export const wait = defineCommand({
  name: "wait",
  usage: "[OPTIONS] CONTAINER…",
  summary: "wait for containers to end and print their exit status",
  examples: ["tsman wait web", "tsman wait --condition running web"],
  options: {
    condition: list({
      metavar: "STATE",
      summary: "until it is in that state, which prints -1; repeated: in one of them",
      parse: parseCondition,
    }),
    ignore: flag({ summary: "-1 instead of an error for a container that is not there" }),
    interval: value({
      char: "i",
      metavar: "TIME",
      summary: "how often to look where nothing tells of a change (250ms)",
      parse: parseInterval,
    }),
    latest: flag({ char: "l", summary: "the last one made" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const choice = { verb: "wait for", latest: values.latest };
    const names = await chosenContainers(engine, positionals, choice);
    const signal = context.interruption();
    const { condition: conditions, interval } = values;
    return await forEach(names, context, async (name) => {
      const isMissing = values.ignore && (await engine.containers.find(name)) === undefined;
      const { status } = isMissing
        ? { status: -1 }
        : await engine.containers.wait(name, { conditions, interval, signal });
      context.stdout.write(`${status}\n`);
    });
  },
});
