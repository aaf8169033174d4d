import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { namedImages } from "../cli/named-images.ts";
import { flag } from "../cli/option-spec.ts";
import { shown } from "../cli/render/listing.ts";

/** `tsman rmi`, `tsman image rm` */
export const rmi = defineCommand({
  name: "rmi",
  usage: "[OPTIONS] IMAGE…",
  summary: "remove images",
  examples: ["tsman rmi alpine", "tsman rmi --all --force"],
  options: {
    all: flag({ char: "a", summary: "all images" }),
    force: flag({
      char: "f",
      summary: "also the containers that were made from it; no error for what is not there",
    }),
    ignore: flag({ char: "i", summary: "no error for an image that is not there" }),
    "no-prune": flag({ summary: "not what it was made from (that never is an image of its own)" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals }, context) {
    const named = namedImages("remove", positionals, values);
    const engine = await context.openEngine();
    const names = values.all ? (await engine.images.list()).map(({ id }) => id) : named;
    const removeImage = async (name: string): Promise<void> => {
      const { untagged, deleted } = await engine.images.remove(name, {
        force: values.force,
        allNames: values.all,
      });
      for (const tag of untagged) {
        context.stdout.write(`Untagged: ${shown(tag, context.stdout)}\n`);
      }
      for (const id of deleted) context.stdout.write(`Deleted: ${id.replace(/^sha256:/, "")}\n`);
    };
    const ignoreMissing = values.ignore || values.force;
    const options = { missingStatus: 1, ignoreMissing };
    return await forEach(names, context, removeImage, options);
  },
});
