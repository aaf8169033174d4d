import { type CommandContext, defineCommand } from "../cli/command.ts";
import { flag, text, texts, value } from "../cli/option-spec.ts";
import { oneOf } from "../cli/options/scalars.ts";
import { imageFilter } from "../cli/render/image-filter.ts";
import { imageOrders, imageRows } from "../cli/render/image-rows.ts";
import { printListing } from "../cli/render/listing.ts";

/** `tsman images`, `tsman image ls` */
export const images = defineCommand({
  name: "images",
  usage: "[OPTIONS] [IMAGE]",
  summary: "list images",
  examples: ["tsman images", "tsman images --format '{{.Repository}}:{{.Tag}} {{.Size}}'"],
  options: {
    all: flag({
      char: "a",
      summary: "also images that have no name, but are in a manifest list",
    }),
    digests: flag({ summary: "with a column of digests" }),
    filter: texts({
      char: "f",
      metavar: "KEY=VALUE",
      summary: "reference, label, dangling, before, since, until, containers, id …",
    }),
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    history: flag({ summary: "with a column of the names that each has" }),
    "no-trunc": flag({ summary: "whole ids" }),
    noheading: flag({ char: "n", summary: "no headings" }),
    quiet: flag({ char: "q", summary: "ids only" }),
    sort: value({ metavar: "KEY", summary: imageOrders.join(", "), parse: oneOf(...imageOrders) }),
  },
  positionals: { min: 0, max: 1, noun: "image" },
  async run({ values, positionals }, context: CommandContext) {
    const [pattern] = positionals;
    const filters =
      pattern === undefined ? values.filter : [...values.filter, `reference=${pattern}`];
    const accepts = imageFilter(filters);
    const engine = await context.openEngine();
    const list = await engine.images.list();
    const rows = imageRows(
      list.filter((image) => (values.all || image.kind !== "listed") && accepts(image, list)),
      {
        isFull: values["no-trunc"],
        now: context.now(),
        sort: values.sort,
      },
    );
    const digest = ["DIGEST", "Digest"] as const;
    await printListing(
      rows,
      {
        format: values.format,
        quietField: values.quiet && values.format === undefined ? "ID" : undefined,
        noHeading: values.noheading,
        columns: [
          ["REPOSITORY", "Repository"],
          ["TAG", "Tag"],
          ...(values.digests ? [digest] : []),
          ["IMAGE ID", "ID"],
          ["CREATED", "Created"],
          ["SIZE", "Size"],
          ...(values.history ? [["HISTORY", "History"] as const] : []),
        ],
      },
      context.stdout,
    );
    return 0;
  },
});
