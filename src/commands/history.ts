import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { parseImageName } from "../cli/options/words.ts";
import { historyRows } from "../cli/render/history-rows.ts";
import { printListing } from "../cli/render/listing.ts";

/** `tsman history`, `tsman image history` */
export const history = defineCommand({
  name: "history",
  usage: "[OPTIONS] IMAGE",
  summary: "show how an image was made, the last step first",
  examples: ["tsman history busybox", "tsman history --format '{{.CreatedBy}}' busybox"],
  options: {
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    human: flag({ char: "H", default: true, summary: "ages and sizes for people" }),
    "no-trunc": flag({ summary: "whole ids and commands" }),
    quiet: flag({ char: "q", summary: "ids only" }),
  },
  positionals: { min: 1, max: 1, noun: "image" },
  async run({ values, positionals: [image = ""] }, context) {
    const engine = await context.openEngine();
    const steps = await engine.images.history(parseImageName(image));
    const style = { isFull: values["no-trunc"], isHuman: values.human, now: context.now() };
    await printListing(
      historyRows(steps, style),
      {
        format: values.format,
        quietField: values.quiet && values.format === undefined ? "ID" : undefined,
        hasRepeated: true,
        noHeading: false,
        columns: [
          ["ID", "ID"],
          ["CREATED", "Created"],
          ["CREATED BY", "CreatedBy"],
          ["SIZE", "Size"],
          ["COMMENT", "Comment"],
        ],
      },
      context.stdout,
    );
    return 0;
  },
});
