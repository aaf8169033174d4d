import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { lockOf } from "../cli/options/fetch-options.ts";
import { naming } from "../cli/options/scalars.ts";
import { parseCredentials, parseImageOrigin, parsePullPolicy } from "../cli/options/words.ts";
import { pinnedText } from "../cli/render/pinned.ts";
import { progressView } from "../cli/render/progress.ts";
import { parsePlatform } from "../oci/platform.ts";

/** `tsman pull` */
export const pull = defineCommand({
  name: "pull",
  usage: "[OPTIONS] [IMAGE…]",
  summary: "fetch images from their registries",
  examples: ["tsman pull alpine", "tsman pull --platform linux/arm64 quay.io/podman/hello:latest"],
  options: {
    authfile: text({ metavar: "FILE", summary: "credentials of registries" }),
    "cert-dir": text({
      metavar: "DIR",
      summary: "certificates for the registry: *.crt, *.cert, *.key",
    }),
    creds: value({
      metavar: "USER:PASSWORD",
      summary: "credentials of the registry",
      parse: parseCredentials,
    }),
    lock: flag({ summary: "write down in tsman.lock what the names mean now" }),
    "lock-file": text({ metavar: "FILE", summary: "instead of tsman.lock" }),
    locked: flag({ summary: "fetch what tsman.lock says; without IMAGE, all of it" }),
    platform: value({
      metavar: "OS/ARCH[/VARIANT]",
      summary: "choose from a multi-platform image",
      parse: naming(parsePlatform),
    }),
    policy: value({
      metavar: "POLICY",
      summary: "always (as if not given), missing, newer, never",
      parse: parsePullPolicy,
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
    "tls-verify": flag({ summary: "verify certificates of registries", default: true }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals, given }, context) {
    const lock = lockOf(values, positionals, context.cwd);
    const engine = await context.openEngine();
    const references =
      positionals.length === 0 && lock !== undefined
        ? await engine.images.locked(lock.file)
        : positionals.map(parseImageOrigin);
    for (const reference of references) {
      const progress = progressView(context.stderr, {
        quiet: values.quiet,
        columns: context.columns,
      });
      const { id, pinned } = await engine.images
        .pull(reference, {
          platform: values.platform,
          tlsVerify: given.has("tls-verify") ? values["tls-verify"] : undefined,
          policy: values.policy ?? "always",
          authFile: values.authfile,
          certDir: values["cert-dir"],
          credentials: values.creds,
          lock,
          signal: context.interruption(),
          onProgress: progress.onProgress,
        })
        .finally(progress.finish);
      if (pinned !== undefined && !values.quiet) context.stderr.write(pinnedText(pinned));
      context.stdout.write(`${id.replace(/^sha256:/, "")}\n`);
    }
    return 0;
  },
});
