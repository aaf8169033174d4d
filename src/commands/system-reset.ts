import { defineCommand } from "../cli/command.ts";
import { confirm } from "../cli/confirm.ts";
import { flag } from "../cli/option-spec.ts";

/** `tsman system reset` */
export const systemReset = defineCommand({
  name: "system reset",
  usage: "[OPTIONS]",
  summary: "remove everything that tsman keeps, running containers included, but no configuration",
  examples: ["tsman system reset --force"],
  options: { force: flag({ char: "f", summary: "do not ask" }) },
  positionals: { min: 0, max: 0, noun: "argument" },
  async run({ values }, context) {
    const doomed = [
      "all containers, also those that run",
      "all images",
      "all volumes, with what is in them",
      "the cache",
    ];
    const warning = `This will remove:\n${doomed.map((one) => `\t- ${one}`).join("\n")}\n`;
    if (!values.force && !confirm(warning, context)) return 0;
    const engine = await context.openEngine();
    await engine.system.reset({ signal: context.interruption() });
    return 0;
  },
});
