import { fstatSync } from "node:fs";
import { createRequire } from "node:module";

/**
 * Whether a descriptor is a terminal.  node:tty is loaded only if it may be one: it brings streams
 * and sockets along, milliseconds that a pipe or a file need not pay for.
 */
export function isTerminal(descriptor: number): boolean {
  try {
    if (!fstatSync(descriptor).isCharacterDevice()) return false;
  } catch {
    return false;
  }
  const tty = createRequire(import.meta.url)("node:tty") as typeof import("node:tty");
  return tty.isatty(descriptor);
}
