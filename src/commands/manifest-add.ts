import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { manifestNoteOptions, manifestNotes } from "../cli/options/manifest-notes.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";

/** `tsman manifest add` */
export const manifestAdd = defineCommand({
  name: "manifest add",
  usage: "[OPTIONS] LIST IMAGE…",
  summary: "add images to a list: of the store, of registries, or of TRANSPORT:… places",
  examples: ["tsman manifest add multi docker://registry.example/app:arm --arch arm64"],
  options: {
    all: flag({ summary: "of images with several platforms, all" }),
    ...manifestNoteOptions,
    ...registryOptions,
  },
  positionals: { min: 2, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals: [list = "", ...images], given }, context) {
    const { manifests } = await context.openEngine();
    const options = {
      ...registryAccess(values, given),
      all: values.all,
      notes: manifestNotes(values),
      signal: context.interruption(),
    };
    let id = "";
    for (const image of images) ({ id } = await manifests.add(list, image, options));
    context.stdout.write(`${id}\n`);
    return 0;
  },
});
