import type { Readable } from "node:stream";
import { parseSignal } from "../../container/signals.ts";
import { TsmanError } from "../../errors/index.ts";
import { execInContainer } from "../containers/exec-container.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedSession } from "../owned-session.ts";
import { asInterrupted, interrupted } from "./interruptible.ts";
import { requireProcessOptions, requireWords, variablesOf } from "./run-options.ts";
import type { CollectOptions, ExecResult, ProcessOptions, SpawnedProcess } from "./types.ts";

const sigkill = 9;
const defaultMaxOutput = 16 * 1024 * 1024;

/** The container, by id, and by name for messages. */
export interface ExecTarget {
  readonly id: string;
  readonly name: string;
}

/**
 * Starts a program in a container, on pipes; it goes with this process.
 *
 * @throws TsmanError as {@link execInContainer}, INTERRUPTED
 */
export async function spawnInContainer(
  context: EngineContext,
  target: ExecTarget,
  command: readonly string[],
  options: ProcessOptions,
): Promise<SpawnedProcess> {
  const what = `execute in container ${target.name}`;
  requireWords(command, "command", what);
  requireProcessOptions(options, what);
  const { signal, terminal, user, workdir, privileged } = options;
  const request = {
    command,
    interactive: true,
    tty: terminal !== undefined,
    detachKeys: [],
    env: variablesOf(options.env, what),
    user,
    workdir,
    privileged,
  };
  const io = { stdin: "pipe", stdout: "pipe", stderr: "pipe", terminal, signal } as const;
  try {
    const session = await execInContainer(context, target.id, request, { ...io, ephemeral: true });
    return processOf(session, signal, what);
  } catch (error) {
    throw asInterrupted(error, signal, what);
  }
}

function processOf(
  session: OwnedSession,
  signal: AbortSignal | undefined,
  what: string,
): SpawnedProcess {
  const { stdin, stdout, stderr } = session.streams;
  if (stdin === undefined || stdout === undefined || stderr === undefined) {
    throw new TsmanError("INTERNAL", `${what}: the program has no pipes`);
  }
  const abort = (): void => session.signal(sigkill);
  signal?.addEventListener("abort", abort, { once: true });
  // Aborted between its start and now.
  if (signal?.aborted === true) abort();
  const end = async (): Promise<{ readonly status: number }> => {
    try {
      const ended = await session.exited;
      if (signal?.aborted === true) throw interrupted(what, signal);
      return ended;
    } finally {
      signal?.removeEventListener("abort", abort);
      session.release();
      stdin.destroy();
    }
  };
  const exited = end();
  exited.catch(() => undefined);
  return {
    stdin,
    stdout,
    stderr,
    exited,
    kill: (number = sigkill) => session.signal(parseSignal(String(number))),
    resize: ({ rows, columns }) => session.resize(rows, columns),
    [Symbol.asyncDispose]: async () => {
      session.signal(sigkill);
      // What nobody reads would keep the monitor waiting.
      for (const stream of [stdout, stderr]) stream.on("error", () => undefined).resume();
      await exited.catch(() => undefined);
    },
  };
}

/**
 * Runs a program in a container to its end and collects what it says.
 *
 * @throws TsmanError as {@link spawnInContainer}, OUTPUT_LIMIT
 */
export async function execAndCollect(
  context: EngineContext,
  target: ExecTarget,
  command: readonly string[],
  options: CollectOptions,
): Promise<ExecResult<string | Uint8Array>> {
  const limit = options.maxOutput ?? defaultMaxOutput;
  await using program = await spawnInContainer(context, target, command, options);
  program.stdin.end(options.input);
  const [{ status }, stdout, stderr] = await Promise.all([
    program.exited,
    collect(program.stdout, "stdout", limit, target),
    collect(program.stderr, "stderr", limit, target),
  ]);
  if (options.encoding === "bytes") return { status, stdout, stderr };
  return { status, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
}

async function collect(
  stream: Readable,
  name: string,
  limit: number,
  { id, name: container }: ExecTarget,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > limit) {
      throw new TsmanError(
        "OUTPUT_LIMIT",
        `execute in container ${container}: the program wrote more than ${limit} bytes to ${name}`,
        {
          hint: "raise maxOutput, or read it as a stream: spawn()",
          details: { container: id, limit },
        },
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
