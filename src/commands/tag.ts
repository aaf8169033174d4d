import { defineCommand } from "../cli/command.ts";
import { parseImageName } from "../cli/options/words.ts";

/** `tsman tag`, `tsman image tag` */
export const tag = defineCommand({
  name: "tag",
  usage: "IMAGE NAME…",
  summary: "give an image more names; another image that has one of them loses it",
  examples: ["tsman tag busybox mine localhost/team/tools:v1"],
  options: {},
  positionals: { min: 2, max: Number.POSITIVE_INFINITY, noun: "name" },
  async run({ positionals: [image = "", ...names] }, context) {
    const engine = await context.openEngine();
    await engine.images.tag(parseImageName(image), names);
    return 0;
  },
});
