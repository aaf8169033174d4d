import { defineCommand } from "../cli/command.ts";
import { text } from "../cli/option-spec.ts";
import { escapeControls } from "../cli/render/escape.ts";
import { printDocument } from "../cli/render/listing.ts";
import { yamlText } from "../cli/render/yaml.ts";

/** `tsman info` */
export const info = defineCommand({
  name: "info",
  usage: "[OPTIONS]",
  summary: "print versions, paths and what this host offers",
  examples: ["tsman info --format '{{.version.tsman}}'"],
  options: {
    format: text({ char: "f", metavar: "FORMAT", summary: "json or a template" }),
  },
  positionals: { min: 0, max: 0, noun: "section" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    const document = await engine.info();
    if (values.format !== undefined) await printDocument(document, values.format, context.stdout);
    else {
      const lines = yamlText(document);
      context.stdout.write(context.stdout.isTerminal ? escapeControls(lines) : lines);
    }
    return 0;
  },
});
