import { readFileSync } from "node:fs";

let cached: string | undefined;

/**
 * The id of this boot of the kernel: random(4), /proc/sys/kernel/random/boot_id.  What a pid or a
 * start time meant under another boot id means nothing now.
 */
export function bootId(): string {
  cached ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return cached;
}
