import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";

/** `tsman manifest remove` */
export const manifestRemove = defineCommand({
  name: "manifest remove",
  usage: "LIST IMAGE",
  summary: "take an entry out of a list, named by its digest or as it was added",
  options: {},
  positionals: { min: 2, max: 2, noun: "image" },
  async run({ positionals: [list = "", image = ""] }, context) {
    const { manifests } = await context.openEngine();
    const { id } = await manifests.removeEntry(list, image);
    context.stdout.write(`${id}\n`);
    return 0;
  },
});

/** `tsman manifest rm` */
export const manifestRm = defineCommand({
  name: "manifest rm",
  usage: "LIST…",
  summary: "remove lists; the images stay",
  options: {},
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "list" },
  async run({ positionals }, context) {
    const { manifests } = await context.openEngine();
    return await forEach(positionals, context, async (name) => {
      const found = await manifests.find(name);
      await manifests.remove(name);
      for (const tag of found?.names ?? []) context.stdout.write(`Untagged: ${tag}\n`);
      context.stdout.write(`Deleted: ${found?.id}\n`);
    });
  },
});
