import process from "node:process";
import { processAddon } from "./process-addon.ts";

/**
 * Sees to it that no program that is started from here on has a descriptor that our caller has left
 * open, but those that it is given.  Bun does that by itself; Node overlooks some (native/close-on-exec.c).
 */
export function keepInheritedDescriptors(): void {
  if (process.versions.bun !== undefined) return;
  // Before Linux 5.11 it is as Node leaves it.
  processAddon().closeOnExec(3);
}
