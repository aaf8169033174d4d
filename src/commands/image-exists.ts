import { defineCommand } from "../cli/command.ts";
import { parseImageName } from "../cli/options/words.ts";

/** `tsman image exists` */
export const imageExists = defineCommand({
  name: "image exists",
  usage: "IMAGE",
  summary: "end with 0 if there is such an image, with 1 if not",
  options: {},
  positionals: { min: 1, max: 1, noun: "image" },
  async run({ positionals: [name = ""] }, context) {
    const engine = await context.openEngine();
    return (await engine.images.find(parseImageName(name))) === undefined ? 1 : 0;
  },
});
