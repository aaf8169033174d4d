import { askedOptions } from "../cli/asked-options.ts";
import { defineCommand } from "../cli/command.ts";
import { fetchOptions } from "../cli/options/fetch-options.ts";
import { preservedDescriptors } from "../cli/options/preserved-descriptors.ts";
import { runOptions } from "../cli/options/run-options.ts";
import { unsupportedRunOptions } from "../cli/options/unsupported.ts";
import { runSession } from "../cli/session/foreground.ts";
import { findSessionReport } from "../cli/session/hand-over.ts";

/** `tsman run` */
export const run = defineCommand({
  name: "run",
  usage: "[OPTIONS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "create a container from an image and run it",
  examples: [
    "tsman run --rm -it busybox sh",
    "tsman run --rm -v ./src:/src:ro -w /src busybox ls -l",
    "tsman run -d --name web -p 8080:80 nginx",
    "tsman run --rm --explain busybox true",
  ],
  options: runOptions,
  refused: unsupportedRunOptions,
  stopAtPositional: true,
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "image" },
  async run({ values, positionals, given }, context) {
    const options = askedOptions(values, positionals, context);
    const fetch = fetchOptions(values, given, context.cwd);
    const engine = await context.openEngine();
    if (values.explain !== undefined) {
      const document = await engine.explain(options, { lockFile: fetch.lockFile });
      const { explainText } = await import("../cli/render/explain.ts");
      const { escapeControls } = await import("../cli/render/escape.ts");
      const text =
        values.explain === "json"
          ? `${JSON.stringify(document, null, 2)}\n`
          : explainText(document);
      context.stdout.write(context.stdout.isTerminal ? escapeControls(text) : text);
      return 0;
    }
    if (findSessionReport(context.environment) !== undefined) {
      const { takeUpSession } = await import("../cli/session/earlier-session.ts");
      await takeUpSession(context, context.openEngine, true);
    }
    const preserve = preservedDescriptors(values["preserve-fds"] ?? 0, context.environment);
    const status = await runSession(
      // Not taken apart unasked: to make its signal takes Node a millisecond.
      (io) => engine.containers.launch(options, preserve.length === 0 ? io : { ...io, preserve }),
      {
        tty: options.tty,
        interactive: options.interactive,
        detach: options.detach,
        attach: values.attach,
        quiet: values.quiet,
        sigProxy: values["sig-proxy"],
        // The native session has its own three streams and no others.
        isLast: values.attach.length === 0 && !values.rmi && preserve.length === 0,
        fetch,
      },
      context,
    );
    if (values.rmi) {
      const { removeImageUnlessUsed } = await import("../cli/session/remove-image.ts");
      await removeImageUnlessUsed(engine, positionals[0] ?? "", context);
    }
    return status;
  },
});
