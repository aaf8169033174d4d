import { defineCommand } from "../cli/command.ts";
import { escapeControls } from "../cli/render/escape.ts";
import { explanation } from "../cli/render/settings.ts";

/** `tsman config explain` */
export const configExplain = defineCommand({
  name: "config explain",
  usage: "KEY…",
  summary: "say what settings mean, what they are now, and why",
  examples: ["tsman config explain transfer.retries", "tsman config explain registry.mirror"],
  options: {},
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "setting" },
  async run({ positionals }, context) {
    const engine = await context.openEngine();
    const configuration = await engine.configuration();
    const texts = positionals.map((key) => explanation(configuration.explain(key)));
    const all = texts.join("\n");
    context.stdout.write(context.stdout.isTerminal ? escapeControls(all) : all);
    return 0;
  },
});
