import { chosenContainers, isUp } from "../cli/chosen-containers.ts";
import { type CommandContext, defineCommand } from "../cli/command.ts";
import { forEach, severalAtOnce } from "../cli/each.ts";
import type { Engine } from "../cli/engine.ts";
import { flag, texts, value } from "../cli/option-spec.ts";
import { parseDetachKeys } from "../cli/options/detach-keys.ts";
import { warningsTo } from "../cli/render/error.ts";
import { startAttached } from "../cli/session/start-attached.ts";
import { usageError } from "../cli/usage-error.ts";
import type { ContainerSummary } from "../engine/types.ts";

/** `tsman start` */
export const start = defineCommand({
  name: "start",
  usage: "[OPTIONS] CONTAINER…",
  summary: "start containers that do not run",
  examples: ["tsman start web", "tsman start --attach --interactive box", "tsman start --all"],
  options: {
    all: flag({ summary: "all that do not run" }),
    attach: flag({ char: "a", summary: "stay in the foreground and end with its exit status" }),
    "detach-keys": value({
      metavar: "KEYS",
      summary: "keys that leave a terminal (ctrl-p,ctrl-q)",
      parse: parseDetachKeys,
    }),
    filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "those that match, as of ps" }),
    interactive: flag({ char: "i", summary: "in the foreground, with your standard input" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    "sig-proxy": flag({ summary: "pass signals on to the container", default: true }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const { all, latest, filter: filters } = values;
    const among = (container: ContainerSummary): boolean => !isUp(container);
    const choice = { verb: "start", all, latest, filters, among };
    const names = await chosenContainers(engine, positionals, choice);
    if (!values.attach && !values.interactive) {
      const startIt = async (name: string): Promise<void> => await startOne(engine, name, context);
      return await forEach(names, context, startIt, { parallel: severalAtOnce });
    }
    const [name, ...others] = names;
    if (name === undefined) return 0;
    if (others.length > 0) {
      throw usageError("start several containers: one only can be attached to", "name one");
    }
    return await startAttached(engine, name, values, context);
  },
});

async function startOne(engine: Engine, name: string, context: CommandContext): Promise<void> {
  const { stderr } = context;
  const session = await engine.containers.start(name, {
    ...{ stdin: 0, stdout: 1, stderr: 2 },
    signal: context.interruption(),
    onWarning: warningsTo(stderr),
  });
  session?.release();
  context.stdout.write(`${name}\n`);
}
