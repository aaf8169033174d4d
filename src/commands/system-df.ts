import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { usageColumns, usageRows } from "../cli/render/disk-usage.ts";
import { isJsonFormat, printDocument, printListing } from "../cli/render/listing.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman system df` */
export const systemDf = defineCommand({
  name: "system df",
  usage: "[OPTIONS]",
  summary: "show what the store takes on the disk, and what a prune would free",
  examples: ["tsman system df", "tsman system df --verbose"],
  options: {
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    verbose: flag({ char: "v", summary: "each image, container and volume" }),
  },
  positionals: { min: 0, max: 0, noun: "argument" },
  async run({ values: { format, verbose } }, context) {
    if (verbose && format !== undefined && !isJsonFormat(format)) {
      throw usageError(
        "system df: --verbose and a template exclude each other",
        "use --format json, or leave one of them out",
      );
    }
    const engine = await context.openEngine();
    const usage = await engine.system.diskUsage();
    if (!verbose) {
      const style = { format, quietField: undefined, noHeading: false, columns: usageColumns };
      await printListing(usageRows(usage), style, context.stdout);
      return 0;
    }
    const { usageDocument, usageTables } = await import("../cli/render/disk-usage-details.ts");
    if (format !== undefined) await printDocument(usageDocument(usage), format, context.stdout);
    else context.stdout.write(usageTables(usage, context.now(), context.stdout.isTerminal));
    return 0;
  },
});
