import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag } from "../cli/option-spec.ts";
import type { ContainerSummary } from "../engine/types.ts";

const isOver = ({ state }: ContainerSummary): boolean => state === "created" || state === "stopped";

/** `tsman container cleanup` */
export const cleanup = defineCommand({
  name: "container cleanup",
  usage: "[OPTIONS] CONTAINER…",
  summary: "do what is left to do when containers have ended: --rm, --restart",
  examples: ["tsman container cleanup web"],
  options: {
    all: flag({ char: "a", summary: "all that do not run" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    rm: flag({ summary: "remove them, with their anonymous volumes" }),
  },
  refused: {
    exec: {
      kind: "unsupported",
      takesValue: true,
      reason: "an exec session's monitor leaves nothing behind",
      hint: "leave it out",
    },
    rmi: {
      kind: "unsupported",
      takesValue: false,
      reason: "who removes an image is who has run it",
      hint: "use tsman run --rmi, or tsman rmi IMAGE afterwards",
    },
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, rm } = values;
    const choice = { verb: "clean up", all, latest, among: isOver };
    const names = await chosenContainers(engine, positionals, choice);
    const cleanUp = async (name: string): Promise<void> => {
      await engine.containers.cleanUp(name, { remove: rm });
      context.stdout.write(`${name}\n`);
    };
    return await forEach(names, context, cleanUp, { runningStatus: 125 });
  },
});
