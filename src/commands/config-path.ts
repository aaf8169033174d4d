import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";

/** `tsman config path` */
export const configPath = defineCommand({
  name: "config path",
  usage: "[OPTIONS]",
  summary: "print where the configuration file is, or belongs",
  examples: ['mkdir -p "$(dirname "$(tsman config path)")"', "tsman config path --all"],
  options: {
    all: flag({ char: "a", summary: "all files that are read, the most important first" }),
  },
  positionals: { min: 0, max: 0, noun: "file" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    const files = await engine.configurationFiles();
    const shown = values.all ? files.read : [files.own];
    context.stdout.write(shown.map((file) => `${file}\n`).join(""));
    return 0;
  },
});
