import { defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { integer } from "../cli/options/scalars.ts";
import { containerFilter, wantsStopped } from "../cli/render/container-filter.ts";
import { containerRows } from "../cli/render/container-rows.ts";
import { printListing } from "../cli/render/listing.ts";

/** `tsman ps`, `tsman container ls` */
export const ps = defineCommand({
  name: "ps",
  usage: "[OPTIONS]",
  summary: "list containers",
  examples: ["tsman ps -a", "tsman ps --filter status=exited --format '{{.ID}} {{.Names}}'"],
  options: {
    all: flag({ char: "a", summary: "also those that do not run" }),
    filter: texts({
      char: "f",
      metavar: "KEY=VALUE",
      summary: "id, name, status, label, ancestor …",
    }),
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    last: value({
      char: "n",
      metavar: "N",
      summary: "the last N made, running or not",
      parse: integer(-1, 1_000_000),
    }),
    latest: flag({ char: "l", summary: "the last one made, running or not" }),
    "no-trunc": flag({ summary: "whole ids and commands" }),
    noheading: flag({ summary: "no headings" }),
    quiet: flag({ char: "q", summary: "ids only" }),
  },
  positionals: { min: 0, max: 0, noun: "container" },
  async run({ values }, context) {
    const accepts = containerFilter(values.filter);
    const last = values.latest
      ? 1
      : values.last !== undefined && values.last > 0
        ? values.last
        : undefined;
    const all = values.all || last !== undefined || wantsStopped(values.filter);
    const engine = await context.openEngine();
    const list = await engine.containers.list({ all });
    const newestFirst = list
      .filter((container) => accepts(container, list))
      .toSorted((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt));
    // Podman: oldest at the top.
    const chosen = newestFirst.slice(0, last ?? newestFirst.length).toReversed();
    await printListing(
      containerRows(chosen, { isFull: values["no-trunc"], now: context.now() }),
      {
        format: values.format,
        quietField: values.quiet ? "ID" : undefined,
        noHeading: values.noheading,
        columns: [
          ["CONTAINER ID", "ID"],
          ["IMAGE", "Image"],
          ["COMMAND", "Command"],
          ["CREATED", "Created"],
          ["STATUS", "Status"],
          ["PORTS", "Ports"],
          ["NAMES", "Names"],
        ],
      },
      context.stdout,
    );
    return 0;
  },
});
