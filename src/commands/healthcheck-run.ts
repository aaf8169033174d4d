import { defineCommand } from "../cli/command.ts";
import { escapeControls } from "../cli/render/escape.ts";

/** `tsman healthcheck run` */
export const healthcheckRun = defineCommand({
  name: "healthcheck run",
  usage: "CONTAINER",
  summary: "check a container's health now; ends with 0 if it is well, else with 1",
  examples: ["tsman healthcheck run web"],
  options: {},
  positionals: { min: 1, max: 1, noun: "container" },
  async run({ positionals }, context) {
    const [name = ""] = positionals;
    const engine = await context.openEngine();
    const result = await engine.containers.healthcheck(name, context.interruption());
    if (result.exitCode === 0) return 0;
    const { stderr } = context;
    const why = result.output.trimEnd();
    stderr.write(`unhealthy${why === "" ? "" : `: ${escapeControls(why)}`}\n`);
    return 1;
  },
});
