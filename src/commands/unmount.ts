import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag } from "../cli/option-spec.ts";

/** `tsman unmount` */
export const unmount = defineCommand({
  name: "unmount",
  usage: "[OPTIONS] CONTAINER…",
  summary: "unmount what tsman mount has mounted in this session",
  examples: ["tsman unmount web", "tsman unmount --all"],
  options: {
    all: flag({ char: "a", summary: "all that are mounted" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    force: flag({ char: "f", summary: "also what is in use" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, force } = values;
    const mounts = all ? await engine.containers.listMounts() : [];
    const chosen = await chosenContainers(engine, positionals, { verb: "unmount", all, latest });
    const names = all ? mounts.map(({ id }) => id) : chosen;
    // As with Podman: one that is not mounted is what was asked for.
    const unmountIt = async (name: string): Promise<void> => {
      await engine.containers.unmount(name, { force });
      context.stdout.write(`${name}\n`);
    };
    return await forEach(names, context, unmountIt, { runningStatus: 125 });
  },
});
