import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { packing, packingOptions } from "../cli/options/packing.ts";
import { retryOption } from "../cli/options/registry-access.ts";
import { naming } from "../cli/options/scalars.ts";
import { parseCredentials } from "../cli/options/words.ts";
import { progressView } from "../cli/render/progress.ts";
import { writeResultFile } from "../cli/result-file.ts";
import { parsePlatform } from "../oci/platform.ts";

const authFile = (end: string) =>
  text({ metavar: "FILE", summary: `credentials of the ${end}'s registry` });
const certDir = (end: string) =>
  text({ metavar: "DIR", summary: `certificates of the ${end}'s registry` });
const credentials = (end: string) =>
  value({
    metavar: "USER:PASSWORD",
    summary: `credentials of the ${end}'s registry`,
    parse: parseCredentials,
  });

/** `tsman image copy` */
export const imageCopy = defineCommand({
  name: "image copy",
  usage: "[OPTIONS] SOURCE DESTINATION",
  summary:
    "copy an image between registries, archives and directories without the store: docker://NAME, " +
    "oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], dir:DIR, containers-storage:NAME",
  examples: [
    "tsman image copy docker://alpine oci:images:alpine",
    "tsman image copy --all docker://quay.io/podman/hello dir:hello",
  ],
  options: {
    all: flag({ char: "a", summary: "all platforms, and the index" }),
    authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
    "dest-authfile": authFile("destination"),
    "dest-cert-dir": certDir("destination"),
    "dest-creds": credentials("destination"),
    "dest-tls-verify": flag({ summary: "verify its certificates", default: true }),
    digestfile: text({ metavar: "FILE", summary: "write the digest of what was written there" }),
    platform: value({
      metavar: "OS/ARCH[/VARIANT]",
      summary: "choose from a multi-platform image",
      parse: naming(parsePlatform),
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
    "retry-times": retryOption,
    "src-authfile": authFile("source"),
    "src-cert-dir": certDir("source"),
    "src-creds": credentials("source"),
    "src-tls-verify": flag({ summary: "verify its certificates", default: true }),
    ...packingOptions,
  },
  positionals: { min: 2, max: 2, noun: "source" },
  async run({ values, positionals: [source = "", destination = ""], given }, context) {
    const access = (end: "src" | "dest") => ({
      authFile: values[`${end}-authfile`] ?? values.authfile,
      certDir: values[`${end}-cert-dir`],
      credentials: values[`${end}-creds`],
      retries: values["retry-times"],
      tlsVerify: given.has(`${end}-tls-verify`) ? values[`${end}-tls-verify`] : undefined,
    });
    const { quiet, all, platform } = values;
    const engine = await context.openEngine();
    const progress = progressView(context.stderr, { quiet, columns: context.columns });
    const { digest } = await engine.images
      .copy(source, destination, {
        all,
        platform,
        ...packing(values),
        source: access("src"),
        destination: access("dest"),
        signal: context.interruption(),
        onProgress: progress.onProgress,
      })
      .finally(progress.finish);
    if (values.digestfile !== undefined) writeResultFile(values.digestfile, digest, "digest");
    return 0;
  },
});
