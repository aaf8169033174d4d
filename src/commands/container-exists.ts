import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";

/** `tsman container exists` */
export const exists = defineCommand({
  name: "container exists",
  usage: "CONTAINER",
  summary: "end with 0 if there is such a container, with 1 if not",
  options: {
    external: flag({ summary: "accepted as Podman's: other programs' containers are not seen" }),
  },
  positionals: { min: 1, max: 1, noun: "container" },
  async run({ positionals: [name = ""] }, context) {
    const engine = await context.openEngine();
    return (await engine.containers.find(name)) === undefined ? 1 : 0;
  },
});
