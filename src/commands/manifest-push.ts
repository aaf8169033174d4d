import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { packing, packingOptions } from "../cli/options/packing.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";
import { progressView } from "../cli/render/progress.ts";
import { writeResultFile } from "../cli/result-file.ts";

/** `tsman manifest push` */
export const manifestPush = defineCommand({
  name: "manifest push",
  usage: "[OPTIONS] LIST [DESTINATION]",
  summary: "send a list and its images to a registry, or to a TRANSPORT:… place",
  examples: ["tsman manifest push --rm multi docker://registry.example/team/app:1"],
  options: {
    all: flag({ summary: "the images too", default: true }),
    digestfile: text({ metavar: "FILE", summary: "write the digest of what is there now to FILE" }),
    quiet: flag({ char: "q", summary: "no progress" }),
    "remove-signatures": flag({ summary: "send no signatures, as is done anyway" }),
    rm: flag({ summary: "remove the list when it is there" }),
    ...packingOptions,
    ...registryOptions,
  },
  positionals: { min: 1, max: 2, noun: "list" },
  async run({ values, positionals: [list = "", destination], given }, context) {
    const { manifests } = await context.openEngine();
    const { quiet } = values;
    const progress = progressView(context.stderr, { quiet, columns: context.columns });
    const { digest } = await manifests
      .push(list, destination, {
        ...registryAccess(values, given),
        all: values.all,
        ...packing(values),
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    if (values.digestfile !== undefined) writeResultFile(values.digestfile, digest, "digest");
    if (values.rm) await manifests.remove(list);
    return 0;
  },
});
