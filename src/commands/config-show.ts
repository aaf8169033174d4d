import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { printListing } from "../cli/render/listing.ts";
import { settingRows } from "../cli/render/settings.ts";

/** `tsman config show` */
export const configShow = defineCommand({
  name: "config show",
  usage: "[OPTIONS]",
  summary: "print every setting that counts, and where it comes from",
  examples: ["tsman config show", "tsman config show --format '{{.Key}} {{.Origin}}'"],
  options: {
    format: text({ metavar: "FORMAT", summary: "json, table … or a template" }),
    noheading: flag({ char: "n", summary: "no headings" }),
  },
  positionals: { min: 0, max: 0, noun: "setting" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    const { entries } = await engine.configuration();
    const style = {
      format: values.format,
      quietField: undefined,
      noHeading: values.noheading,
      columns: [
        ["KEY", "Key"],
        ["VALUE", "Value"],
        ["FROM", "Origin"],
      ] as const,
    };
    await printListing(settingRows(entries), style, context.stdout);
    return 0;
  },
});
