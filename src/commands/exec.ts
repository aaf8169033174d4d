import { chosenContainers } from "../cli/chosen-containers.ts";
import { defineCommand } from "../cli/command.ts";
import {
  parseEnvironmentFile,
  parseEnvironmentVariable,
} from "../cli/options/environment-variables.ts";
import { execOptions, refusedExecOptions } from "../cli/options/exec-options.ts";
import { preservedDescriptors } from "../cli/options/preserved-descriptors.ts";
import { readOptionFile } from "../cli/options/read-text.ts";
import { orNoSession } from "../cli/session/exec-status.ts";
import { runSession } from "../cli/session/foreground.ts";
import { findSessionReport } from "../cli/session/hand-over.ts";
import { usageError } from "../cli/usage-error.ts";

/** `tsman exec` */
export const exec = defineCommand({
  name: "exec",
  usage: "[OPTIONS] CONTAINER COMMAND [ARGUMENT…]",
  summary: "run a program in a running container",
  examples: [
    "tsman exec -it web sh",
    "tsman exec -u nobody -w /tmp web id",
    "tsman exec -e LANG=C.UTF-8 --latest env",
  ],
  options: execOptions,
  refused: refusedExecOptions,
  stopAtPositional: true,
  positionals: { min: 1, max: Number.POSITIVE_INFINITY, noun: "container" },
  async run({ values, positionals }, context) {
    const { environment } = context;
    const isNamed = !values.latest && values.cidfile === undefined;
    const command = isNamed ? positionals.slice(1) : positionals;
    if (command.length === 0) {
      throw usageError(
        `execute in container ${positionals[0]}: no command is named`,
        "write it after the container: tsman exec CONTAINER COMMAND [ARGUMENT…]",
      );
    }
    const { tty, interactive, detach } = values;
    const options = {
      command,
      tty,
      interactive,
      detach,
      env: [
        ...values["env-file"].flatMap((file) => {
          const content = readOptionFile(file, "--env-file");
          return parseEnvironmentFile(content, file, "--env-file", environment);
        }),
        ...values.env.flatMap((one) => parseEnvironmentVariable(one, "--env", environment)),
      ],
      workdir: values.workdir,
      user: values.user,
      privileged: values.privileged,
      preserveFds: preservedDescriptors(values["preserve-fds"] ?? 0, environment),
      detachKeys: values["detach-keys"],
    };
    const engine = await context.openEngine();
    const [container = ""] = isNamed
      ? positionals
      : await chosenContainers(engine, [], {
          verb: "execute in",
          latest: values.latest,
          cidFiles: values.cidfile === undefined ? [] : [values.cidfile],
        });
    if (findSessionReport(context.environment) !== undefined) {
      const { takeUpSession } = await import("../cli/session/earlier-session.ts");
      await takeUpSession(context, context.openEngine, false);
    }
    const session = runSession(
      (io) => engine.containers.exec(container, options, io),
      { tty, interactive, detach, quiet: true, sigProxy: true, isLast: true },
      context,
    );
    return detach ? await session : await orNoSession(session, context);
  },
});
