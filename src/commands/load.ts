import { defineCommand } from "../cli/command.ts";
import { movingData } from "../cli/moving-data.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { naming } from "../cli/options/scalars.ts";
import { progressView } from "../cli/render/progress.ts";
import { usageError } from "../cli/usage-error.ts";
import { parsePlatform } from "../oci/platform.ts";
import { isTerminal } from "../platform/is-terminal.ts";

/** `tsman load` */
export const load = defineCommand({
  name: "load",
  usage: "[OPTIONS]",
  summary: "take the images of an archive or directory into the store",
  examples: ["tsman load -i busybox.tar", "tsman load < busybox.tar.gz"],
  options: {
    input: text({
      char: "i",
      metavar: "FILE",
      summary: "docker-archive, OCI archive or directory, gzip and zstd too; missing: stdin",
    }),
    platform: value({
      metavar: "OS/ARCH[/VARIANT]",
      summary: "choose from multi-platform images",
      parse: naming(parsePlatform),
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
  },
  positionals: { min: 0, max: 0, noun: "image" },
  async run({ values }, context) {
    const { input } = values;
    if (input === undefined && isTerminal(0)) {
      throw usageError(
        "load images: an archive is not typed on a terminal",
        "redirect one, or name a file: tsman load -i FILE",
      );
    }
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, {
      quiet: values.quiet,
      columns: context.columns,
    });
    const options = {
      input: input ?? 0,
      platform: values.platform,
      signal: context.interruption(),
      onProgress: progress.onProgress,
    };
    const loaded = await movingData(() => engine.images.load(options)).finally(progress.finish);
    for (const { id, names } of loaded) {
      for (const name of names.length === 0 ? [id] : names) {
        context.stdout.write(`Loaded image: ${name}\n`);
      }
    }
    return 0;
  },
});
