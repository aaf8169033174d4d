import os from "node:os";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { nativeProgram } from "../platform/native.ts";
import { spawnInUserns } from "../platform/userns.ts";
import { type EngineContext, mappingFor } from "./context.ts";

/** What {@link unshare} takes. */
export interface UnshareOptions {
  /** Program, looked up in the PATH of `env`, and arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Descriptors that the program gets. */
  readonly stdio: readonly [stdin: number, stdout: number, stderr: number];
}

/** A program that runs in a user namespace of its own. */
export interface UnshareSession {
  /** Its status in the shell's convention: 128 + n for signal n, 126 and 127 if it cannot run. */
  readonly exited: Promise<{ readonly status: number }>;
  signal(n: number): void;
}

/**
 * Runs a program as root of a user namespace in which the store's files have the owners that they
 * have in containers, and in a mount namespace of its own.
 *
 * @throws TsmanError OPTION_UNSUPPORTED for root, who may do everything with the files anyway
 */
export function unshare(context: EngineContext, options: UnshareOptions): UnshareSession {
  if (process.geteuid?.() === 0 && !context.host().isNested) {
    throw new TsmanError("OPTION_UNSUPPORTED", "unshare: root needs no user namespace for that", {
      hint: "run the command itself",
    });
  }
  const [stdin, stdout, stderr] = options.stdio;
  const child = spawnInUserns(mappingFor(context, { mode: "default" }), options.command, {
    stdio: [stdin, stdout, stderr],
    env: options.env,
    cwd: process.cwd(),
    mount: true,
  });
  const exited = Promise.withResolvers<{ readonly status: number }>();
  child.once("error", (error) => {
    exited.reject(
      new TsmanError("PREFLIGHT_HELPER", `start ${nativeProgram()}: ${error.message}`, {
        hint: "build tsman's native program: bin/setup",
        cause: error,
      }),
    );
  });
  child.once("exit", (status, name) => {
    const signal = name === null ? 0 : (os.constants.signals[name] ?? 0);
    exited.resolve({ status: status ?? 128 + signal });
  });
  return { exited: exited.promise, signal: (n) => void child.kill(n) };
}
