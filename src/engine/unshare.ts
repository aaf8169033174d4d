import { statSync } from "node:fs";
import os from "node:os";
import process from "node:process";
import { findProgram } from "../config/find-program.ts";
import { TsmanError } from "../errors/index.ts";
import { isErrno } from "../platform/errno.ts";
import { nativeProgram } from "../platform/native.ts";
import { spawnInUserns } from "../platform/userns.ts";
import { type EngineContext, mappingFor } from "./context.ts";
import type { UnshareOptions, UnshareSession } from "./unshare-types.ts";

/**
 * Runs a program as root of a user namespace in which the store's files have the owners that they
 * have in containers, and in a mount namespace of its own.
 *
 * @throws TsmanError OPTION_UNSUPPORTED for root, who may do everything with the files anyway;
 * COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE
 */
export function unshare(context: EngineContext, options: UnshareOptions): UnshareSession {
  if (process.geteuid?.() === 0 && !context.host().isNested) {
    throw new TsmanError("OPTION_UNSUPPORTED", "unshare: root needs no user namespace for that", {
      hint: "run the command itself",
    });
  }
  assertProgram(options.command[0] ?? "", options.env.PATH);
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

/**
 * Tells what execvp(3) would not: it says EACCES for a name that is nowhere if a directory of PATH
 * may not be searched.  What only the ids inside may see is left to it.
 */
function assertProgram(program: string, searched: string | undefined): void {
  if (!program.includes("/")) {
    if (findProgram(program, searched?.split(":")) !== undefined) return;
    throw new TsmanError("COMMAND_NOT_FOUND", `run ${program}: not found in PATH`, {
      hint: "check the spelling, or write the program's path",
    });
  }
  let isProgram: boolean;
  try {
    const status = statSync(program);
    isProgram = status.isFile() && (status.mode & 0o111) !== 0;
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR")) return;
    throw new TsmanError("COMMAND_NOT_FOUND", `run ${program}: no such file or directory`, {
      hint: "check the path on this host",
    });
  }
  if (isProgram) return;
  throw new TsmanError("COMMAND_NOT_EXECUTABLE", `run ${program}: it may not be executed`, {
    hint: "name a file with the execute permission",
  });
}
