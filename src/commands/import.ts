import { defineCommand } from "../cli/command.ts";
import { flag, text, texts } from "../cli/option-spec.ts";
import { progressView } from "../cli/render/progress.ts";
import { usageError } from "../cli/usage-error.ts";
import { isTerminal } from "../platform/is-terminal.ts";

/** `tsman import` */
export const importArchive = defineCommand({
  name: "import",
  usage: "[OPTIONS] FILE|URL|- [IMAGE]",
  summary: "make an image of a tar archive of files",
  examples: [
    "tsman import rootfs.tar.zst localhost/rootfs",
    `tar -C rootfs -c . | tsman import --change 'CMD ["sh"]' - rootfs:1`,
  ],
  options: {
    arch: text({ metavar: "ARCH", summary: "processor that it is for, if not this host's" }),
    change: texts({
      char: "c",
      metavar: "INSTRUCTION",
      summary: "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR",
    }),
    message: text({ char: "m", metavar: "TEXT", summary: "what it is, for its history" }),
    os: text({ metavar: "OS", summary: "system that it is for" }),
    quiet: flag({ char: "q", summary: "no progress" }),
    variant: text({ metavar: "VARIANT", summary: "variant of the processor" }),
  },
  positionals: { min: 1, max: 2, noun: "file" },
  async run({ values, positionals: [file = "-", image] }, context) {
    if (file === "-" && isTerminal(0)) {
      throw usageError(
        "import an image: an archive is not typed on a terminal",
        "redirect one, or name a file: tsman import FILE",
      );
    }
    const { os, arch, variant, quiet, change, message } = values;
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, { quiet, columns: context.columns });
    const { id } = await engine.images
      .import({
        input: file === "-" ? 0 : file,
        image,
        message,
        changes: change,
        platform: {
          ...(os !== undefined && { os }),
          ...(arch !== undefined && { architecture: arch }),
          ...(variant !== undefined && { variant }),
        },
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    context.stdout.write(`${id}\n`);
    return 0;
  },
});
