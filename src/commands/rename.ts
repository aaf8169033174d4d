import { defineCommand } from "../cli/command.ts";

/** `tsman rename` */
export const rename = defineCommand({
  name: "rename",
  usage: "CONTAINER NAME",
  summary: "give a container another name",
  examples: ["tsman rename web old-web"],
  options: {},
  positionals: { min: 2, max: 2, noun: "container and a new name" },
  async run({ positionals: [container = "", name = ""] }, context) {
    const engine = await context.openEngine();
    await engine.containers.rename(container, name);
    return 0;
  },
});
