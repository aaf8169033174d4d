import { readFileSync } from "node:fs";

/** `uname -r`: `6.1.0-18-amd64`.  Not of node:os, which a start would load for this alone. */
export function kernelRelease(): string {
  return readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
}
