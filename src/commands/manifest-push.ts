import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { progressView } from "../cli/render/progress.ts";
import { writeResultFile } from "../cli/result-file.ts";

const formats = { oci: "oci", v2s2: "docker", docker: "docker" } as const;

/** `tsman manifest push` */
export const manifestPush = defineCommand({
  name: "manifest push",
  usage: "[OPTIONS] LIST [DESTINATION]",
  summary: "send a list and its images to a registry, or to a TRANSPORT:… place",
  examples: ["tsman manifest push --rm multi docker://registry.example/team/app:1"],
  options: {
    all: flag({ summary: "the images too", default: true }),
    digestfile: text({ metavar: "FILE", summary: "write the digest of what is there now to FILE" }),
    format: value({
      char: "f",
      metavar: "oci|v2s2",
      summary: "of the documents (as they are)",
      parse: oneOf("oci", "v2s2", "docker"),
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
    "remove-signatures": flag({ summary: "send no signatures, as is done anyway" }),
    rm: flag({ summary: "remove the list when it is there" }),
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
        format: values.format && formats[values.format],
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    if (values.digestfile !== undefined) writeResultFile(values.digestfile, digest, "digest");
    if (values.rm) await manifests.remove(list);
    return 0;
  },
});
