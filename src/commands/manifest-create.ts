import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";

/** `tsman manifest create` */
export const manifestCreate = defineCommand({
  name: "manifest create",
  usage: "[OPTIONS] LIST [IMAGE…]",
  summary: "make a list of images for several platforms",
  examples: ["tsman manifest create multi busybox"],
  options: {
    all: flag({ summary: "of images with several platforms, all" }),
    amend: flag({ char: "a", summary: "go on with a list of that name" }),
    ...registryOptions,
  },
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "list" },
  async run({ values, positionals: [name = "", ...images], given }, context) {
    const { manifests } = await context.openEngine();
    const isThere = (await manifests.find(name)) !== undefined;
    let made = await manifests.create(name, { amend: values.amend });
    try {
      for (const image of images) {
        const signal = context.interruption();
        const access = registryAccess(values, given);
        made = await manifests.add(made.id, image, { ...access, all: values.all, signal });
      }
    } catch (error) {
      // Nothing half-made stays behind.
      if (!isThere) await manifests.remove(made.id);
      throw error;
    }
    context.stdout.write(`${made.id}\n`);
    return 0;
  },
});
