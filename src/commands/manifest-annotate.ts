import { defineCommand } from "../cli/command.ts";
import { manifestNoteOptions, manifestNotes } from "../cli/options/manifest-notes.ts";

/** `tsman manifest annotate` */
export const manifestAnnotate = defineCommand({
  name: "manifest annotate",
  usage: "[OPTIONS] LIST IMAGE",
  summary: "say more about an entry of a list, named by its digest or as it was added",
  examples: ["tsman manifest annotate --arch arm --variant v7 multi sha256:…"],
  options: manifestNoteOptions,
  positionals: { min: 2, max: 2, noun: "image" },
  async run({ values, positionals: [list = "", image = ""] }, context) {
    const { manifests } = await context.openEngine();
    const { id } = await manifests.annotate(list, image, manifestNotes(values));
    context.stdout.write(`${id}\n`);
    return 0;
  },
});
