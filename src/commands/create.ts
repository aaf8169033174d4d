import { askedOptions } from "../cli/asked-options.ts";
import { defineCommand } from "../cli/command.ts";
import { fetchOptions } from "../cli/options/fetch-options.ts";
import { runOptions } from "../cli/options/run-options.ts";
import { unsupportedRunOptions } from "../cli/options/unsupported.ts";
import { warningsTo } from "../cli/render/error.ts";
import { progressView } from "../cli/render/progress.ts";

// What belongs to one run, with its end.
const { explain: _, rmi: __, "preserve-fds": ___, ...options } = runOptions;

/** `tsman create` */
export const create = defineCommand({
  name: "create",
  usage: "[OPTIONS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "create a container from an image without starting it, and print its id",
  examples: ["tsman create --name web -p 8080:80 nginx", "tsman create -it --name box busybox sh"],
  options,
  refused: unsupportedRunOptions,
  stopAtPositional: true,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals, given }, context) {
    const asked = askedOptions(
      { ...values, explain: undefined, rmi: false, "preserve-fds": undefined },
      positionals,
      context,
    );
    const fetch = fetchOptions(values, given, context.cwd);
    const engine = await context.openEngine();
    const { stderr } = context;
    const { quiet } = values;
    const progress = progressView(stderr, { quiet, columns: context.columns });
    const { id } = await engine.containers.create(asked, {
      signal: context.interruption(),
      onProgress: progress.onProgress,
      onWarning: warningsTo(stderr),
      ...fetch,
    });
    progress.finish();
    context.stdout.write(`${id}\n`);
    return 0;
  },
});
