import { defineCommand } from "../cli/command.ts";
import { parseImageName } from "../cli/options/words.ts";

/** `tsman untag`, `tsman image untag` */
export const untag = defineCommand({
  name: "untag",
  usage: "IMAGE [NAME…]",
  summary: "take these names of an image away, or all; the image stays",
  examples: ["tsman untag busybox mine", "tsman untag busybox"],
  options: {},
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ positionals: [image = "", ...names] }, context) {
    const engine = await context.openEngine();
    await engine.images.untag(parseImageName(image), names);
    return 0;
  },
});
