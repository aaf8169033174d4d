import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag } from "../cli/option-spec.ts";
import { parseImageName } from "../cli/options/words.ts";
import { shown } from "../cli/render/listing.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman rmi`, `tsman image rm` */
export const rmi = defineCommand({
  name: "rmi",
  usage: "[OPTIONS] IMAGE…",
  summary: "remove images",
  examples: ["tsman rmi alpine", "tsman rmi --all --force"],
  options: {
    all: flag({ char: "a", summary: "all images" }),
    force: flag({ char: "f", summary: "also the containers that were made from it" }),
    ignore: flag({ char: "i", summary: "no error for an image that is not there" }),
    "no-prune": flag({ summary: "not what it was made from (that never is an image of its own)" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals }, context) {
    if (positionals.length === 0 && !values.all) {
      throw usageError("remove images: none is named", "name one, or use --all");
    }
    const engine = await context.openEngine();
    const names = values.all
      ? (await engine.images.list()).map(({ id }) => id)
      : positionals.map(parseImageName);
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
    const options = { missingStatus: 1, ignoreMissing: values.ignore };
    return await forEach(names, context, removeImage, options);
  },
});
