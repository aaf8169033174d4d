import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { parseCopyEnd } from "../cli/options/copy-end.ts";
import { warningsTo } from "../cli/render/error.ts";
import { usageError } from "../cli/usage-error.ts";
import { isTerminal } from "../platform/is-terminal.ts";

/** `tsman cp` */
export const cp = defineCommand({
  name: "cp",
  usage: "[OPTIONS] CONTAINER:SOURCE DESTINATION | SOURCE CONTAINER:DESTINATION",
  summary: "copy files out of or into a container, running or not; - is a tar archive",
  examples: [
    "tsman cp web:/etc/hosts .",
    "tsman cp ./page web:/www/",
    "tar -c page | tsman cp - web:/www",
  ],
  options: {
    archive: flag({
      char: "a",
      default: true,
      summary: "files become the container's user's; =false keeps the owners that they have",
    }),
    "follow-link": flag({ char: "L", summary: "follow a link as source, which is done anyway" }),
    overwrite: flag({ summary: "a directory may replace a file, and the other way round" }),
    quiet: flag({ char: "q", summary: "no warnings" }),
  },
  positionals: { min: 2, max: 2, noun: "path" },
  async run({ values, positionals }, context) {
    const [source = "", destination = ""] = positionals;
    if (source === "-" && isTerminal(0)) {
      throw usageError("copy files: no archive comes from a terminal", "write tar -c … | tsman cp");
    }
    if (destination === "-" && context.stdout.isTerminal) {
      throw usageError(
        "copy files: an archive is nothing for a terminal",
        "redirect it: tsman cp CONTAINER:PATH - > FILE.tar",
      );
    }
    const engine = await context.openEngine();
    await engine.containers.copy(parseCopyEnd(source, 0), parseCopyEnd(destination, 1), {
      archive: values.archive,
      overwrite: values.overwrite,
      signal: context.interruption(),
      onWarning: (message) => {
        if (values.quiet) return;
        warningsTo(context.stderr)(message);
      },
    });
    return 0;
  },
});
