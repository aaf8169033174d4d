import { latestOf } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { flag, text, value } from "../cli/option-spec.ts";
import { integer } from "../cli/options/scalars.ts";
import { printListing } from "../cli/render/listing.ts";
import { statsColumns, statsRows } from "../cli/render/stats-rows.ts";
import { usageError } from "../cli/usage-error.ts";
import { isTsmanError } from "../errors/index.ts";

/** ECMA-48: erase the page, cursor to its beginning. */
const clearScreen = "\x1b[2J\x1b[H";

/** `tsman stats` */
export const stats = defineCommand({
  name: "stats",
  usage: "[OPTIONS] [CONTAINER…]",
  summary: "show what containers use: processor, memory, network, storage, processes",
  examples: ["tsman stats --no-stream", "tsman stats --format '{{.Name}} {{.CPUPerc}}' web"],
  options: {
    all: flag({ char: "a", summary: "also those that do not run" }),
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    interval: value({
      char: "i",
      metavar: "SECONDS",
      summary: "between two samples (5)",
      parse: integer(1, 1_000_000),
    }),
    latest: flag({ char: "l", summary: "the last one made" }),
    "no-reset": flag({ summary: "samples one below the other" }),
    "no-stream": flag({ summary: "one sample" }),
    "no-trunc": flag({ summary: "whole ids" }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const ways = [values.all, values.latest, positionals.length > 0].filter(Boolean);
    if (ways.length > 1) {
      throw usageError(
        "show stats of containers: --all, --latest and names exclude each other",
        "say in one way which containers are meant",
      );
    }
    const { stdout } = context;
    const engine = await context.openEngine();
    const list = values.latest ? await engine.containers.list({ all: true }) : [];
    const containers = values.latest ? [latestOf(list, "show stats of").id] : positionals;
    const samples = engine.containers.stats({
      containers,
      all: values.all,
      once: values["no-stream"],
      interval: (values.interval ?? 5) * 1000,
      signal: context.interruption(),
    });
    const style = { format: values.format, quietField: undefined, noHeading: false };
    try {
      for await (const sample of samples) {
        const isLive = !(values["no-stream"] || values["no-reset"]) && stdout.isTerminal;
        if (isLive) stdout.write(clearScreen);
        const rows = statsRows(sample, { isFull: values["no-trunc"] });
        await printListing(rows, { ...style, columns: statsColumns }, stdout);
      }
    } catch (error) {
      // Ctrl-C is how one stops looking.
      if (!isTsmanError(error, "INTERRUPTED")) throw error;
    }
    return 0;
  },
});
