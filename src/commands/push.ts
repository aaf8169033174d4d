import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { integer, oneOf } from "../cli/options/scalars.ts";
import { parseCredentials } from "../cli/options/words.ts";
import { progressView } from "../cli/render/progress.ts";
import { writeResultFile } from "../cli/result-file.ts";

const compressions = { gzip: "gzip", zstd: "zstd", none: "none", uncompressed: "none" } as const;
const formats = { oci: "oci", v2s2: "docker", docker: "docker" } as const;

/** `tsman push` */
export const push = defineCommand({
  name: "push",
  usage: "[OPTIONS] IMAGE [DESTINATION]",
  summary: "send an image to a registry",
  examples: [
    "tsman push registry.example/team/app:1",
    "tsman push --digestfile digest app docker://registry.example/team/app:1",
  ],
  options: {
    authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
    "cert-dir": text({ metavar: "DIR", summary: "certificates of the registry" }),
    "compression-format": value({
      metavar: "gzip|zstd|none",
      summary: "how its layers are packed (as they are)",
      parse: oneOf("gzip", "zstd", "none", "uncompressed"),
    }),
    "compression-level": value({
      metavar: "NUMBER",
      summary: "how hard: gzip 1 to 9, zstd 1 to 22; packs all layers anew",
      parse: integer(1, 22),
    }),
    creds: value({
      metavar: "USER:PASSWORD",
      summary: "credentials of the registry; see tsman login",
      parse: parseCredentials,
    }),
    digestfile: text({ metavar: "FILE", summary: "write the digest of what is there now to FILE" }),
    "disable-content-trust": flag({ summary: "nothing: tsman has no Docker Content Trust" }),
    "force-compression": flag({ summary: "pack all layers anew, however they are packed" }),
    format: value({
      char: "f",
      metavar: "oci|v2s2",
      summary: "of its documents (as the image has them)",
      parse: oneOf("oci", "v2s2", "docker"),
    }),
    quiet: flag({ char: "q", summary: "no progress, no digest" }),
    "remove-signatures": flag({ summary: "send no signatures, as is done anyway" }),
    "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
  },
  positionals: { min: 1, max: 2, noun: "image" },
  async run({ values, positionals, given }, context) {
    const [image = "", destination] = positionals;
    const compression = values["compression-format"];
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, {
      quiet: values.quiet,
      columns: context.columns,
    });
    const { digest } = await engine.images
      .push(image, destination, {
        compression: compression && compressions[compression],
        compressionLevel: values["compression-level"],
        forceCompression: values["force-compression"],
        format: values.format && formats[values.format],
        tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
        authFile: values.authfile,
        certDir: values["cert-dir"],
        credentials: values.creds,
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    if (values.digestfile !== undefined) writeResultFile(values.digestfile, digest, "digest");
    if (!values.quiet) context.stdout.write(`${digest}\n`);
    return 0;
  },
});
