import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";

/** `tsman wait` */
export const wait = defineCommand({
  name: "wait",
  usage: "CONTAINER…",
  summary: "wait for containers to end and print their exit status",
  options: {},
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ positionals }, context) {
    const engine = await context.openEngine();
    return await forEach(positionals, context, async (name) => {
      const { status } = await engine.containers.wait(name, context.interruption());
      context.stdout.write(`${status}\n`);
    });
  },
});
