import { fstatSync } from "node:fs";
import { isTerminal } from "../../platform/is-terminal.ts";

/**
 * Whether the program may have this process's standard streams themselves: not a terminal, whose
 * input it could push back, and not a directory, which would be a way out.
 */
export function mayPassThrough(): boolean {
  return [0, 1, 2].every(
    (descriptor) => !fstatSync(descriptor).isDirectory() && !isTerminal(descriptor),
  );
}
