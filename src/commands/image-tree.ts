import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { parseImageName } from "../cli/options/words.ts";
import { imageTreeText } from "../cli/render/image-tree.ts";

/** `tsman image tree` */
export const imageTree = defineCommand({
  name: "image tree",
  usage: "[OPTIONS] IMAGE",
  summary: "show an image's layers, and who shares them",
  examples: ["tsman image tree busybox"],
  options: {
    whatrequires: flag({ summary: "instead: the images that stand upon it" }),
  },
  positionals: { min: 1, max: 1, noun: "image" },
  async run({ values, positionals: [image = ""] }, context) {
    const engine = await context.openEngine();
    const whatRequires = values.whatrequires;
    const tree = await engine.images.tree(parseImageName(image), { whatRequires });
    context.stdout.write(imageTreeText(tree, context.stdout));
    return 0;
  },
});
