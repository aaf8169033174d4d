import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { escapeControls } from "../cli/render/escape.ts";
import { printDocument } from "../cli/render/listing.ts";
import { yamlText } from "../cli/render/yaml.ts";

/** `tsman info` */
export const info = defineCommand({
  name: "info",
  usage: "[OPTIONS]",
  summary: "print versions, paths and what this host offers",
  examples: ["tsman info --format '{{.Host.Arch}} {{.Store.GraphRoot}}'"],
  options: {
    format: text({ char: "f", metavar: "FORMAT", summary: "json, yaml or a template" }),
    json: flag({ summary: "print JSON: --format json" }),
  },
  positionals: { min: 0, max: 0, noun: "section" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    const document = await engine.info();
    const format = values.json ? "json" : (values.format ?? "yaml");
    if (format !== "yaml") {
      const { infoDocument } = await import("../cli/render/info-document.ts");
      await printDocument(infoDocument(document), format, context.stdout);
    } else {
      const lines = yamlText(document);
      context.stdout.write(context.stdout.isTerminal ? escapeControls(lines) : lines);
    }
    return 0;
  },
});
