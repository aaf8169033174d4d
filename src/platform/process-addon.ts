import path from "node:path";
import process from "node:process";
import { installationDir } from "./native.ts";

/** native/addon.h */
interface ProcessAddon {
  /** → errno */
  readonly closeOnExec: (first: number) => number;
  /** → errno */
  readonly lockDescriptor: (fd: number) => number;
  /** → errno; `descriptor` is one more that the program is to have, or -1. */
  readonly replaceProcess: (
    program: string,
    args: readonly string[],
    environment: readonly string[],
    descriptor: number,
  ) => number;
  /** → errno, pid, descriptor */
  readonly startBeside: (
    program: string,
    args: readonly string[],
    environment: readonly string[],
  ) => readonly [number, number, number];
}

let loaded: ProcessAddon | undefined;

/**
 * What a command does as a process that Node does slowly or not at all.
 *
 * @throws Error when the installation lacks the addon.
 */
export function processAddon(): ProcessAddon {
  if (loaded === undefined) {
    const module: { exports: unknown } = { exports: {} };
    process.dlopen(module, path.join(installationDir(), "dist/libexec/process.node"));
    loaded = module.exports as ProcessAddon;
  }
  return loaded;
}
