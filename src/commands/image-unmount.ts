import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { namedImages } from "../cli/named-images.ts";
import { flag } from "../cli/option-spec.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman image unmount` */
export const imageUnmount = defineCommand({
  name: "image unmount",
  usage: "[OPTIONS] IMAGE…",
  summary: "unmount what tsman image mount has mounted in this session",
  examples: ["tsman image unmount busybox", "tsman image unmount --all"],
  options: {
    all: flag({ char: "a", summary: "all that are mounted" }),
    force: flag({ char: "f", summary: "also what is in use" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals }, context) {
    const named = namedImages("unmount", positionals, values);
    const { images } = await context.openEngine();
    const mounts = values.all ? await images.listMounts() : [];
    const names = values.all ? mounts.map(({ id }) => id) : named;
    return await forEach(names, context, async (name) => {
      if (await images.unmount(name, { force: values.force })) {
        context.stdout.write(`${name.replace(/^sha256:/, "")}\n`);
      } else if (!values.force) {
        throw usageError(`unmount image ${name}: it is not mounted here`, "see: tsman image mount");
      }
    });
  },
});
