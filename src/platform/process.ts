import { type ChildProcess, type StdioOptions, spawn, spawnSync } from "node:child_process";
import { TsmanError } from "../errors/index.ts";
import { errnoMessage, isErrno } from "./errno.ts";

export type { ChildProcess, StdioOptions };

/**
 * What a helper program sees when its starter says nothing else: no token, no NODE_OPTIONS, no
 * LD_PRELOAD of the caller's shell or project directory reaches it (security case S95).
 */
export const scrubbedEnvironment: Readonly<Record<string, string>> = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C.UTF-8",
};

/** What {@link spawnProgram} takes. */
export interface SpawnOptions {
  /** As of node:child_process; default: nothing inherited. */
  readonly stdio?: StdioOptions | undefined;
  /** The complete environment; default: a fixed PATH and locale. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** What it finds as its own name; default: its path. */
  readonly argv0?: string | undefined;
  /** A session of its own (setsid). */
  readonly detached?: boolean | undefined;
  /** Ends the program with SIGTERM when aborted. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a program, never through a shell.
 *
 * @param path Absolute path of the program.
 * @param args Its arguments, without the program's name.
 * The caller must listen to `error`: a program that cannot be started is reported there.
 */
export function spawnProgram(
  path: string,
  args: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return spawn(path, args, {
    shell: false,
    stdio: options.stdio ?? "ignore",
    env: { ...(options.env ?? scrubbedEnvironment) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    detached: options.detached ?? false,
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** What {@link runProgram} takes. */
export interface RunOptions {
  /** Bytes for standard input; default: none. */
  readonly input?: Uint8Array | string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  /** What it finds as its own name; default: its path. */
  readonly argv0?: string | undefined;
  /** Milliseconds, then SIGKILL and an error; default 30 000. */
  readonly timeoutMs?: number | undefined;
  /** Bytes kept of each output stream; more is an error.  Default 1 MiB. */
  readonly maxOutput?: number | undefined;
  /** What is more is dropped instead. */
  readonly dropsOutput?: boolean | undefined;
  /** Descriptors that it gets as 3, 4 …; default: none. */
  readonly inherited?: readonly number[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a program ended. */
export interface ProgramResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

const defaultTimeoutMs = 30_000;
const defaultMaxOutput = 1024 * 1024;

/**
 * Runs a program to its end and collects its output.  A status other than 0 is a result, not an
 * error.
 *
 * @throws TsmanError PREFLIGHT_HELPER when the program cannot be started, takes too long or says
 * too much; INTERRUPTED when `signal` was aborted.
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  const child = spawnProgram(path, args, {
    stdio: ["pipe", "pipe", "pipe", ...(options.inherited ?? [])],
    env: options.env,
    cwd: options.cwd,
    argv0: options.argv0,
  });
  const maxOutput = options.maxOutput ?? defaultMaxOutput;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const { promise, resolve, reject } = Promise.withResolvers<ProgramResult>();
  const fail = (error: TsmanError): void => {
    child.kill("SIGKILL");
    reject(error);
  };
  const collect = (stream: "stdout" | "stderr"): Buffer[] => {
    const chunks: Buffer[] = [];
    let size = 0;
    child[stream]?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxOutput) chunks.push(chunk);
      else if (options.dropsOutput !== true) fail(tooMuch(path, stream, maxOutput));
    });
    return chunks;
  };
  const stdout = collect("stdout");
  const stderr = collect("stderr");
  const timer = setTimeout(() => fail(tooLong(path, timeoutMs)), timeoutMs);
  const interrupt = (): void =>
    fail(
      new TsmanError("INTERRUPTED", `run ${path}: interrupted`, { cause: options.signal?.reason }),
    );
  options.signal?.addEventListener("abort", interrupt, { once: true });
  child.on("error", (error) => reject(cannotStart(path, error)));
  child.on("close", (status, signal) =>
    resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) }),
  );
  // A program that does not read its input to the end says so by its status, not by our EPIPE.
  child.stdin?.on("error", () => {});
  child.stdin?.end(options.input ?? "");
  if (options.signal?.aborted === true) interrupt();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", interrupt);
  }
}

/** {@link runProgram} for the few places that must not wait asynchronously; same errors. */
export function runProgramSync(
  path: string,
  args: readonly string[],
  options: Omit<RunOptions, "signal" | "inherited"> = {},
): ProgramResult {
  const maxOutput = options.maxOutput ?? defaultMaxOutput;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const result = spawnSync(path, args, {
    shell: false,
    input: options.input ?? "",
    env: { ...(options.env ?? scrubbedEnvironment) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: maxOutput,
  });
  if (result.error !== undefined) {
    if (isErrno(result.error, "ETIMEDOUT")) throw tooLong(path, timeoutMs);
    if (isErrno(result.error, "ENOBUFS")) throw tooMuch(path, "stdout", maxOutput);
    throw cannotStart(path, result.error);
  }
  return {
    status: result.status,
    signal: result.signal,
    stdout: result.stdout,
    stderr: result.stderr,
  };
}

function cannotStart(path: string, error: Error): TsmanError {
  const why =
    isErrno(error) && error.errno !== undefined ? errnoMessage(-error.errno) : error.message;
  return new TsmanError("PREFLIGHT_HELPER", `start ${path}: ${why}`, {
    hint: `install ${path}, or check that it may be executed`,
    cause: error,
    details: { program: path },
  });
}

function tooLong(path: string, timeoutMs: number): TsmanError {
  return new TsmanError("PREFLIGHT_HELPER", `run ${path}: no end after ${timeoutMs} ms`, {
    details: { program: path, timeoutMs },
  });
}

function tooMuch(path: string, stream: string, maxOutput: number): TsmanError {
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `run ${path}: more than ${maxOutput} bytes on ${stream}`,
    {
      details: { program: path, maxOutput },
    },
  );
}
