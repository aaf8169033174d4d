import type { CommandContext } from "../cli/command.ts";
import { defineCommand } from "../cli/command.ts";
import { forEach } from "../cli/each.ts";
import type { Engine } from "../cli/engine.ts";
import { flag, texts } from "../cli/option-spec.ts";
import { warningText } from "../cli/render/error.ts";
import { runSession } from "../cli/session/foreground.ts";
import { startableContainers } from "../cli/startable-containers.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman start` */
export const start = defineCommand({
  name: "start",
  usage: "[OPTIONS] CONTAINER…",
  summary: "start containers that do not run",
  examples: ["tsman start web", "tsman start --attach --interactive box", "tsman start --all"],
  options: {
    all: flag({ summary: "all that do not run" }),
    attach: flag({ char: "a", summary: "stay in the foreground and end with its exit status" }),
    filter: texts({ char: "f", metavar: "KEY=VALUE", summary: "those that match, as of ps" }),
    interactive: flag({ char: "i", summary: "in the foreground, with your standard input" }),
    latest: flag({ char: "l", summary: "the last one made" }),
    "sig-proxy": flag({ summary: "pass signals on to the container", default: true }),
  },
  positionals: { min: 0, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const names = await startableContainers(engine, positionals, values);
    if (!values.attach && !values.interactive) {
      return await forEach(names, context, async (name) => await startOne(engine, name, context));
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
    onWarning: (message) => stderr.write(warningText(message, stderr.isTerminal)),
  });
  session?.release();
  context.stdout.write(`${name}\n`);
}

async function startAttached(
  engine: Engine,
  name: string,
  values: { readonly interactive: boolean; readonly "sig-proxy": boolean },
  context: CommandContext,
): Promise<number> {
  const summary = await engine.containers.find(name);
  const interactive = values.interactive && summary?.interactive === true;
  const options = { attach: true, interactive };
  const status = await runSession(
    async (io) => await engine.containers.start(name, io, options),
    {
      tty: summary?.tty === true,
      interactive,
      detach: false,
      quiet: true,
      sigProxy: values["sig-proxy"],
    },
    context,
  );
  if (status !== undefined) return status;
  throw usageError(
    `start container ${name}: it runs already`,
    `attach to it: tsman attach ${name}`,
  );
}
