import { defineCommand } from "../cli/command.ts";
import { flag, text } from "../cli/option-spec.ts";
import { doctorText } from "../cli/render/doctor.ts";
import { escapeControls } from "../cli/render/escape.ts";
import { printDocument } from "../cli/render/listing.ts";

/** `tsman doctor` */
export const doctor = defineCommand({
  name: "doctor",
  usage: "[OPTIONS]",
  summary: "check what works on this host, and say what to do about the rest",
  options: {
    format: text({ metavar: "FORMAT", summary: "json or a template" }),
    json: flag({ summary: "for machines" }),
  },
  positionals: { min: 0, max: 0, noun: "check" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    const report = await engine.doctor();
    if (values.json || values.format !== undefined) {
      await printDocument(report, values.format, context.stdout);
    } else {
      const lines = doctorText(report);
      context.stdout.write(context.stdout.isTerminal ? escapeControls(lines) : lines);
    }
    return report.canRun ? 0 : 1;
  },
});
