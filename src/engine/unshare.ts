import os from "node:os";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { nativeProgram } from "../platform/native.ts";
import { spawnInUserns } from "../platform/userns.ts";
import { type EngineContext, mappingFor } from "./context.ts";
import type { UnshareOptions, UnshareSession } from "./unshare-types.ts";

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
