import { closeSync, openSync } from "node:fs";
import { defineCommand } from "../cli/command.ts";
import { text } from "../cli/option-spec.ts";
import { warningsTo } from "../cli/render/error.ts";
import { usageError } from "../cli/usage-error.ts";
import { toGivenFileError } from "../platform/errno.ts";

/** `tsman export` */
export const exportContainer = defineCommand({
  name: "export",
  usage: "[OPTIONS] CONTAINER",
  summary: "write a container's files as a tar archive; without volumes, running or not",
  examples: ["tsman export -o web.tar web", "tsman export web | tar -t"],
  options: {
    output: text({ char: "o", metavar: "FILE", summary: "write there instead of to stdout" }),
  },
  positionals: { min: 1, max: 1, noun: "container" },
  async run({ values, positionals }, context) {
    const [name = ""] = positionals;
    if (values.output === undefined && context.stdout.isTerminal) {
      throw usageError(
        "export a container: an archive is nothing for a terminal",
        "redirect it, or name a file: tsman export -o FILE CONTAINER",
      );
    }
    const engine = await context.openEngine();
    // Before the file is made: a wrong name must not leave an empty one.
    await engine.containers.inspect(name);
    const descriptor = values.output === undefined ? 1 : openOutput(values.output);
    try {
      await engine.containers.export(name, {
        descriptor,
        signal: context.interruption(),
        onWarning: warningsTo(context.stderr),
      });
    } finally {
      if (descriptor !== 1) closeSync(descriptor);
    }
    return 0;
  },
});

function openOutput(file: string): number {
  try {
    return openSync(file, "w", 0o644);
  } catch (error) {
    throw toGivenFileError(error, `write ${file}`, "write");
  }
}
