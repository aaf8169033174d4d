import { defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { parseMoment } from "../cli/options/duration.ts";
import { warningText } from "../cli/render/error.ts";
import { eventFilter } from "../cli/render/event-filter.ts";
import { eventLine } from "../cli/render/event-text.ts";
import { isTsmanError } from "../errors/index.ts";

/** `tsman events` */
export const events = defineCommand({
  name: "events",
  usage: "[OPTIONS]",
  summary: "print what happened, and what happens, to containers, images and volumes",
  examples: [
    "tsman events --since 10m --stream=false",
    "tsman events --filter event=died --format '{{.Name}} {{.ContainerExitCode}}'",
  ],
  options: {
    filter: texts({
      char: "f",
      metavar: "KEY=VALUE",
      summary: "container, event, image, label, type or volume",
    }),
    format: text({ metavar: "FORMAT", summary: "json or a template" }),
    "no-trunc": flag({ summary: "whole ids", default: true }),
    since: value({
      metavar: "TIME",
      summary: "from then on; a duration is before now",
      parse: (given, option) => parseMoment(given, option, Date.now()),
    }),
    "no-stream": flag({ summary: "the same as --stream=false" }),
    stream: flag({ summary: "at the last one wait for more", default: true }),
    until: value({
      metavar: "TIME",
      summary: "up to then; a duration is after now",
      parse: (given, option) => parseMoment(given, option, Date.now(), "after"),
    }),
  },
  positionals: { min: 0, max: 0, noun: "event" },
  async run({ values }, context) {
    const { stdout, stderr } = context;
    const accepts = eventFilter(values.filter);
    const { isTerminal } = stdout;
    const line = eventLine(values.format, { isFull: values["no-trunc"], isTerminal });
    const engine = await context.openEngine();
    let skipped = 0;
    const stream = engine.events({
      since: values.since,
      until: values.until,
      follow: values.stream && !values["no-stream"],
      signal: context.interruption(),
      onSkipped: (count) => {
        skipped = count;
      },
    });
    try {
      for await (const event of stream) {
        if (accepts(event)) stdout.write(`${line(event)}\n`);
      }
    } catch (error) {
      // Ctrl-C is how one stops following.
      if (!isTsmanError(error, "INTERRUPTED")) throw error;
    }
    if (skipped > 0) {
      const what = `${skipped} damaged line${skipped > 1 ? "s" : ""} left out`;
      stderr.write(warningText(`read events: ${what}`, stderr.isTerminal));
    }
    return 0;
  },
});
