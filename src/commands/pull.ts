import { allTags } from "../cli/all-tags.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { lockOf } from "../cli/options/fetch-options.ts";
import { platformOf, platformOptions } from "../cli/options/platform.ts";
import { registryAccess, registryOptions } from "../cli/options/registry-access.ts";
import { parseImageOrigin, parsePullPolicy } from "../cli/options/words.ts";
import { pinnedText } from "../cli/render/pinned.ts";
import { progressView } from "../cli/render/progress.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman pull` */
export const pull = defineCommand({
  name: "pull",
  usage: "[OPTIONS] [IMAGE…]",
  summary: "fetch images from their registries",
  examples: ["tsman pull alpine", "tsman pull --platform linux/arm64 quay.io/podman/hello:latest"],
  options: {
    "all-tags": flag({ char: "a", summary: "every tag of the repository" }),
    "all-platforms": flag({ summary: "of an image for several platforms, all: a manifest list" }),
    "disable-content-trust": flag({ summary: "nothing: tsman has no Docker Content Trust" }),
    lock: flag({ summary: "write down in tsman.lock what the names mean now" }),
    "lock-file": text({ metavar: "FILE", summary: "instead of tsman.lock" }),
    locked: flag({ summary: "fetch what tsman.lock says; without IMAGE, all of it" }),
    ...platformOptions,
    policy: value({
      metavar: "POLICY",
      summary: "always (as if not given), missing, newer, never",
      parse: parsePullPolicy,
    }),
    quiet: flag({ char: "q", summary: "no progress" }),
    ...registryOptions,
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals, given }, context) {
    const lock = lockOf(values, positionals, context.cwd);
    const allPlatforms = values["all-platforms"];
    const platform = platformOf(values);
    if (allPlatforms && (lock !== undefined || platform !== undefined)) {
      const other = lock === undefined ? "--platform" : "a lock file";
      throw usageError(`pull: --all-platforms and ${other} exclude each other`, "give one of them");
    }
    const engine = await context.openEngine();
    const access = { ...registryAccess(values, given), signal: context.interruption() };
    const named = positionals.map(parseImageOrigin);
    const chosen = values["all-tags"] ? await allTags(engine, named, access) : named;
    const references =
      positionals.length === 0 && lock !== undefined
        ? await engine.images.locked(lock.file)
        : chosen;
    for (const reference of references) {
      const progress = progressView(context.stderr, {
        quiet: values.quiet,
        columns: context.columns,
      });
      const { id, pinned } = await engine.images
        .pull(reference, {
          allPlatforms,
          platform,
          ...access,
          policy: values.policy ?? "always",
          lock,
          onProgress: progress.onProgress,
        })
        .finally(progress.finish);
      if (pinned !== undefined && !values.quiet) context.stderr.write(pinnedText(pinned));
      context.stdout.write(`${id.replace(/^sha256:/, "")}\n`);
    }
    return 0;
  },
});
