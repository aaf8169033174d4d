import { defineCommand } from "../cli/command.ts";
import { flag } from "../cli/option-spec.ts";
import { errorText, warningsTo } from "../cli/render/error.ts";

/** `tsman system start-enabled` */
export const startEnabled = defineCommand({
  name: "system start-enabled",
  usage: "[OPTIONS]",
  summary: "start the containers that should be up: --restart always, unless-stopped",
  examples: [
    "tsman system start-enabled",
    "tsman system start-enabled --print-unit > ~/.config/systemd/user/tsman.service",
  ],
  options: {
    "print-unit": flag({ summary: "print a systemd user unit that does it, instead" }),
  },
  positionals: { min: 0, max: 0, noun: "container" },
  async run({ values }, context) {
    const engine = await context.openEngine();
    if (values["print-unit"]) {
      context.stdout.write(await engine.containers.startupUnit());
      return 0;
    }
    const { stderr } = context;
    const { isTerminal } = stderr;
    const started = engine.containers.startEnabled({
      signal: context.interruption(),
      onWarning: warningsTo(stderr),
    });
    let status = 0;
    for await (const { name, error } of started) {
      if (error === undefined) context.stdout.write(`${name}\n`);
      else {
        stderr.write(errorText(error, { isTerminal, isDebug: false }));
        status = error.exitStatus;
      }
    }
    return status;
  },
});
