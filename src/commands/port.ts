import { chosenContainers, isUp } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import { flag } from "../cli/option-spec.ts";
import { parsePortQuery, portLines } from "../cli/render/port-lines.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman port` */
export const port = defineCommand({
  name: "port",
  usage: "[OPTIONS] CONTAINER [PORT[/PROTOCOL]]",
  summary: "print where the ports of a container are published",
  examples: ["tsman port web", "tsman port web 80/tcp"],
  options: {
    all: flag({ char: "a", summary: "of all that run" }),
    latest: flag({ char: "l", summary: "of the last one made" }),
  },
  positionals: { min: 0, max: 2, noun: "container" },
  async run({ values, positionals }, context) {
    const { all, latest } = values;
    const isNamed = !all && !latest;
    const [name, ...queries] = isNamed ? positionals : [undefined, ...positionals];
    if (queries.length > 1) {
      throw usageError("print ports: more than one port is asked for", "ask for one, or for all");
    }
    const query = queries[0] === undefined || all ? undefined : parsePortQuery(queries[0]);
    const engine = await context.openEngine();
    const choice = { verb: "print ports of", all, latest, among: isUp };
    const rest = all ? positionals : [];
    const named = name === undefined ? rest : [name];
    const names = await chosenContainers(engine, named, choice);
    return await forEach(names, context, async (one) => {
      const { id, state, ports } = await engine.containers.inspect(one);
      // Of one that does not run nothing is published.
      const lines = portLines(isUp({ state }) ? ports : [], query);
      const prefix = all ? `${id.slice(0, 12)}\t` : "";
      for (const line of lines) context.stdout.write(`${prefix}${line}\n`);
    });
  },
});
