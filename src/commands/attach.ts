import { defineCommand } from "../cli/command.ts";
import { flag, value } from "../cli/option-spec.ts";
import { parseDetachKeys } from "../cli/options/detach-keys.ts";
import { runSession } from "../cli/session/foreground.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman attach` */
export const attach = defineCommand({
  name: "attach",
  usage: "[OPTIONS] CONTAINER",
  summary: "see what a running container writes, and write to it",
  examples: ["tsman attach web", "tsman attach --no-stdin --sig-proxy=false web"],
  options: {
    "detach-keys": value({
      metavar: "KEYS",
      summary: "keys that leave a terminal (ctrl-p,ctrl-q)",
      parse: parseDetachKeys,
    }),
    latest: flag({ char: "l", summary: "the last one made" }),
    "no-stdin": flag({ summary: "leave your standard input alone" }),
    "sig-proxy": flag({ summary: "pass signals on to the container", default: true }),
  },
  positionals: { min: 0, max: 1, noun: "container" },
  async run({ values, positionals }, context) {
    const engine = await context.openEngine();
    const name = await attachable(positionals[0], values.latest, () =>
      engine.containers.list({ all: true }),
    );
    const summary = await engine.containers.find(name);
    const interactive = summary?.interactive === true && !values["no-stdin"];
    return await runSession(
      async (io) =>
        await engine.containers.attach(
          name,
          {
            stdin: interactive,
            ...(values["detach-keys"] !== undefined && { detachKeys: values["detach-keys"] }),
          },
          io,
        ),
      {
        tty: summary?.tty === true,
        interactive,
        detach: false,
        quiet: true,
        sigProxy: values["sig-proxy"],
      },
      context,
    );
  },
});

async function attachable(
  name: string | undefined,
  isLatest: boolean,
  list: () => Promise<readonly { readonly id: string; readonly createdAt: string }[]>,
): Promise<string> {
  if (name !== undefined && isLatest) {
    throw usageError("attach to a container: --latest leaves nothing to name", "name it, or not");
  }
  if (name !== undefined) return name;
  const [latest] = isLatest
    ? [...(await list())].sort((a, b) => b.createdAt.localeCompare(a.createdAt))
    : [];
  if (latest === undefined) {
    throw usageError("attach to a container: none is named", "write tsman attach CONTAINER");
  }
  return latest.id;
}
