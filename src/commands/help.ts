import { defineCommand } from "../cli/command.ts";
import { findCommand } from "../cli/find-command.ts";
import { leadingOptions } from "../cli/leading-options.ts";
import { commandHelp } from "../cli/render/command-help.ts";
import { groupHelp, overviewHelp } from "../cli/render/overview-help.ts";

/** `tsman help`, `tsman --help` */
export const help = defineCommand({
  name: "help",
  usage: "[COMMAND]",
  summary: "print help on a command",
  options: {},
  positionals: { min: 0, max: 2, noun: "command" },
  async run({ positionals }, context) {
    const [name] = positionals;
    if (name === undefined) context.stdout.write(overviewHelp(context.catalogue, leadingOptions));
    else {
      const found = findCommand(positionals, context.catalogue);
      if (found === undefined) context.stdout.write(groupHelp(context.catalogue, name));
      else context.stdout.write(commandHelp(await found.entry.load()));
    }
    return 0;
  },
});
