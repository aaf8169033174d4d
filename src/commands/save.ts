import { defineCommand } from "../cli/command.ts";
import { movingData } from "../cli/moving-data.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { parseImageName } from "../cli/options/words.ts";
import { progressView } from "../cli/render/progress.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman save` */
export const save = defineCommand({
  name: "save",
  usage: "[OPTIONS] IMAGE…",
  summary: "write images to an archive or directory that Podman, Docker and skopeo read",
  examples: [
    "tsman save -o busybox.tar busybox",
    "tsman save --format oci-archive busybox | gzip > busybox.tar.gz",
  ],
  options: {
    compress: flag({ summary: "pack layers with gzip; not in a docker-archive" }),
    format: value({
      metavar: "FORMAT",
      summary: "docker-archive (if not given), oci-archive, oci-dir, docker-dir",
      parse: oneOf("docker-archive", "oci-archive", "oci-dir", "docker-dir"),
    }),
    "multi-image-archive": flag({ char: "m", summary: "several images may be named: always so" }),
    output: text({ char: "o", metavar: "FILE", summary: "write there instead of to stdout" }),
    quiet: flag({ char: "q", summary: "no progress" }),
  },
  refused: {
    uncompressed: {
      kind: "unsupported",
      takesValue: false,
      reason: "layers are saved as they came",
      hint: "docker-archives hold uncompressed layers: leave it out",
    },
  },
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals }, context) {
    const images = positionals.map(parseImageName);
    const { output } = values;
    if (output === undefined && context.stdout.isTerminal) {
      throw usageError(
        "save images: an archive is nothing for a terminal",
        "redirect it, or name a file: tsman save -o FILE IMAGE",
      );
    }
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, {
      quiet: values.quiet,
      columns: context.columns,
    });
    const options = {
      format: values.format,
      compress: values.compress,
      output: output ?? 1,
      signal: context.interruption(),
      onProgress: progress.onProgress,
    };
    await movingData(() => engine.images.save(images, options)).finally(progress.finish);
    return 0;
  },
});
