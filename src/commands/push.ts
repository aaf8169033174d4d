import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { packing, packingOptions, refusedSigning } from "../cli/options/packing.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";
import { progressView } from "../cli/render/progress.ts";
import { writeResultFile } from "../cli/result-file.ts";

/** `tsman push` */
export const push = defineCommand({
  name: "push",
  usage: "[OPTIONS] IMAGE [DESTINATION]",
  summary: "send an image to a registry, or to a TRANSPORT:… place",
  examples: [
    "tsman push registry.example/team/app:1",
    "tsman push --digestfile digest app docker://registry.example/team/app:1",
    "tsman push --compression-format zstd app oci:images:app",
  ],
  options: {
    all: flag({ summary: "all platforms: IMAGE is a manifest list" }),
    digestfile: text({ metavar: "FILE", summary: "write the digest of what is there now to FILE" }),
    "disable-content-trust": flag({ summary: "nothing: tsman has no Docker Content Trust" }),
    quiet: flag({ char: "q", summary: "no progress, no digest" }),
    "remove-signatures": flag({ summary: "send no signatures, as is done anyway" }),
    ...packingOptions,
    ...registryOptions,
  },
  refused: {
    ...refusedSigning,
    compress: {
      kind: "unsupported",
      takesValue: false,
      reason: "layers go to a directory as they are packed",
      hint: "use --compression-format gzip",
    },
  },
  positionals: { min: 1, max: 2, noun: "image" },
  async run({ values, positionals: [image = "", destination], given }, context) {
    const { images } = await context.openEngine();
    const { quiet } = values;
    const progress = progressView(context.stderr, { quiet, columns: context.columns });
    const { digest } = await images
      .push(image, destination, {
        ...registryAccess(values, given),
        ...packing(values),
        all: values.all,
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    if (values.digestfile !== undefined) {
      writeResultFile(values.digestfile, digest, "digest");
    }
    if (!quiet) context.stdout.write(`${digest}\n`);
    return 0;
  },
});
