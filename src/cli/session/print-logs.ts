import type { ContainerLogOptions, ContainerSummary } from "../../engine/types.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { CommandContext } from "../command.ts";
import { forEach } from "../each.ts";
import type { Engine } from "../engine.ts";
import { logLineBytes, logPrefixes, shownTime } from "../render/log-line.ts";

/** How lines are shown. */
export interface LogStyle {
  readonly timestamps: boolean;
  readonly names: boolean;
  readonly color: boolean;
}

/** Prints the log of one container, each stream to its own, pieces as they come. */
export async function printLog(
  name: string,
  engine: Engine,
  context: CommandContext,
  options: ContainerLogOptions,
  { timestamps }: LogStyle,
): Promise<void> {
  // A program's line that the log has in pieces gets its time once.
  let isContinued = { stdout: false, stderr: false };
  for await (const line of engine.containers.logs(name, options)) {
    const { stream, isPartial } = line;
    const prefix = timestamps && !isContinued[stream] ? `${shownTime(line)} ` : "";
    context[stream].write(logLineBytes(line, prefix));
    isContinued = { ...isContinued, [stream]: isPartial };
  }
}

/**
 * Prints the logs of several containers: by time, or, while following, as they come.
 *
 * @returns the exit status: what is wrong with one does not stop the others.
 */
export async function printLogs(
  names: readonly string[],
  engine: Engine,
  context: CommandContext,
  options: ContainerLogOptions,
  style: LogStyle,
): Promise<number> {
  const { asTheyCome, byTime, untilFailure, wholeLines } = await import("./log-streams.ts");
  const containers: ContainerSummary[] = [];
  const first = await forEach(names, context, async (name) => {
    try {
      containers.push(await engine.containers.inspect(name));
    } catch (error) {
      throw style.names ? withTailHint(error) : error;
    }
  });
  const prefixes = logPrefixes(containers, style);
  let status = first;
  const streams = containers.map(({ id, name }) =>
    untilFailure(wholeLines(engine.containers.logs(id, options)), async (error) => {
      status = await forEach([name], context, () => Promise.reject(error as Error));
    }),
  );
  const lines = options.follow === true ? asTheyCome(streams) : byTime(streams);
  for await (const { source, line } of lines) {
    const time = style.timestamps ? `${shownTime(line)} ` : "";
    context[line.stream].write(logLineBytes(line, `${prefixes[source] ?? ""}${time}`));
  }
  return status;
}

/** `logs -n 5 web` is Docker's for `--tail 5`; here, as with Podman, 5 would be a container. */
function withTailHint(error: unknown): unknown {
  const missing = isTsmanError(error, "CONTAINER_NOT_FOUND") ? error.details.container : undefined;
  if (!isTsmanError(error) || !/^(?:\d+|all)$/.test(String(missing))) return error;
  return new TsmanError(error.code, error.message, {
    hint: `-n means --names, as with Podman; for the last lines write: --tail ${String(missing)}`,
    cause: error,
    details: error.details,
  });
}
