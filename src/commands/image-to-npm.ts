import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { parseImageName } from "../cli/options/words.ts";
import { progressView } from "../cli/render/progress.ts";

/** `tsman image to-npm` */
export const imageToNpm = defineCommand({
  name: "image to-npm",
  usage: "[OPTIONS] IMAGE PACKAGE@VERSION",
  summary: "make an npm package of an image, to be published with npm publish",
  examples: ["tsman image to-npm busybox @team/busybox@1.0.0"],
  options: {
    output: text({
      char: "o",
      metavar: "DIRECTORY",
      summary: "directory to make; missing: SCOPE-NAME-VERSION here",
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
  },
  positionals: { min: 2, max: 2, noun: "image and package" },
  async run({ values, positionals }, context) {
    const [image = "", packageName = ""] = positionals;
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, {
      quiet: values.quiet,
      columns: context.columns,
    });
    const { directory } = await engine.images
      .toNpm(parseImageName(image), packageName, {
        directory: values.output,
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    context.stdout.write(`${directory}\n`);
    return 0;
  },
});
