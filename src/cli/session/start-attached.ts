import type { CommandContext } from "../command.ts";
import type { Engine } from "../engine.ts";
import { runSession } from "./foreground.ts";

/**
 * Starts a container in the foreground; one that runs already is attached to, as with Podman.
 *
 * @returns the exit status of the command line.
 */
export async function startAttached(
  engine: Engine,
  name: string,
  values: {
    readonly interactive: boolean;
    readonly "sig-proxy": boolean;
    readonly "detach-keys": readonly number[] | undefined;
  },
  context: CommandContext,
): Promise<number> {
  const summary = await engine.containers.find(name);
  const interactive = values.interactive && summary?.interactive === true;
  const detachKeys = values["detach-keys"];
  return await runSession(
    async (io) =>
      (await engine.containers.start(name, io, { attach: true, interactive, detachKeys })) ??
      (await engine.containers.attach(name, { stdin: interactive, detachKeys }, io)),
    {
      tty: summary?.tty === true,
      interactive,
      detach: false,
      quiet: true,
      sigProxy: values["sig-proxy"],
    },
    context,
  );
}
