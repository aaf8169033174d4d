import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { limitSpecs } from "../cli/options/limit-specs.ts";
import { limitOptions } from "../cli/options/limits.ts";
import { refusedCloneOptions } from "../cli/options/unsupported.ts";
import { parseImageName } from "../cli/options/words.ts";
import { warningsTo } from "../cli/render/error.ts";
import { progressView } from "../cli/render/progress.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman container clone` */
export const clone = defineCommand({
  name: "container clone",
  usage: "[OPTIONS] CONTAINER [NAME [IMAGE]]",
  summary: "make a container with the options of another one, and print its id",
  examples: ["tsman container clone web web2", "tsman container clone --run --destroy --force web"],
  options: {
    ...limitSpecs,
    destroy: flag({ summary: "remove the original" }),
    force: flag({ char: "f", summary: "with --destroy: also one that runs" }),
    name: text({ metavar: "NAME", summary: "the clone's name (CONTAINER-clone)" }),
    run: flag({ summary: "start the clone" }),
  },
  refused: refusedCloneOptions,
  positionals: { min: 1, max: 3, noun: "container" },
  async run({ values, positionals }, context) {
    const [original = "", written, image] = positionals;
    if (written !== undefined && values.name !== undefined) {
      throw usageError(`clone container ${original}: it is named twice`, "leave --name out");
    }
    const engine = await context.openEngine();
    const { stderr } = context;
    const progress = progressView(stderr, { quiet: false, columns: context.columns });
    const io = {
      signal: context.interruption(),
      onProgress: progress.onProgress,
      onWarning: warningsTo(stderr),
    };
    const options = {
      name: written ?? values.name,
      image: image === undefined ? undefined : parseImageName(image),
      limits: limitOptions(values),
      destroy: values.destroy,
      force: values.force,
    };
    const { id } = await engine.containers.clone(original, options, io);
    progress.finish();
    context.stdout.write(`${id}\n`);
    if (!values.run) return 0;
    const session = await engine.containers.start(id, { stdin: 0, stdout: 1, stderr: 2, ...io });
    session?.release();
    return 0;
  },
});
