import process from "node:process";
import { nativeProgram } from "./native.ts";
import { scrubbedEnvironment } from "./process.ts";
import { processAddon } from "./process-addon.ts";
import { mapArguments, type UsernsMaps } from "./userns.ts";

/** Namespaces that a child makes while this process goes on: native/prepared.h. */
export interface PreparedNamespaces {
  /** The socket that they come to. */
  readonly descriptor: number;
  /** The child; the program that takes this process's place waits for it. */
  readonly pid: number;
}

/**
 * Lets a child make a user namespace with these maps, and with `withNetwork` a network namespace in
 * it; nobody hears of a failure, since whoever gets them can make them too and say why not.
 *
 * @returns undefined where the child cannot be started, or the addon that does it not be loaded.
 */
export function prepareNamespaces(
  maps: UsernsMaps,
  withNetwork: boolean,
): PreparedNamespaces | undefined {
  let addon: ReturnType<typeof processAddon>;
  try {
    addon = processAddon();
  } catch {
    // A Node that cannot load it stays where it is, and lets the monitor make them.
    return undefined;
  }
  const [error, pid, descriptor] = addon.startBeside(
    nativeProgram(),
    [
      "tsman-native",
      "userns",
      "--worker",
      String(process.pid),
      ...mapArguments(maps),
      "--give",
      "3",
      ...(withNetwork ? ["--network"] : []),
    ],
    Object.entries(scrubbedEnvironment).map(([name, value]) => `${name}=${value}`),
  );
  return error === 0 ? { descriptor, pid } : undefined;
}
