import { accessSync, constants } from "node:fs";
import path from "node:path";
import { systemPath } from "./environment.ts";

/**
 * Absolute path of a host program; undefined when there is none that may be executed.
 *
 * @param directories default: the system's, never the caller's PATH, which a project may control
 * (security case S95).
 */
export function findProgram(
  name: string,
  directories: readonly string[] = systemPath.split(":"),
): string | undefined {
  for (const directory of directories) {
    const candidate = path.join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // The next directory.
    }
  }
  return undefined;
}
