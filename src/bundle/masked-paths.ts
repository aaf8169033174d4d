import path from "node:path";
import type { SecurityOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { cleanContainerPath } from "./container-path.ts";

/** What Podman hides: containers/common's list, of 2025 (S15: compared yearly). */
const defaultMasked: readonly string[] = [
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/dev/block",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
  "/sys/fs/selinux",
];

/** What Podman makes read-only. */
const defaultReadonly: readonly string[] = [
  "/proc/asound",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** A path that is hidden or read-only, and what asked for it. */
export interface GuardedPath {
  readonly path: string;
  readonly because: string;
}

/** Both lists of a container. */
export interface GuardedPaths {
  readonly masked: readonly GuardedPath[];
  readonly readonly: readonly GuardedPath[];
}

/**
 * Podman's default lists, less `unmask` (exact paths, patterns with `*`, or ALL), plus `mask`.
 * `--privileged` guards nothing but what `mask` names.
 *
 * @param thermalThrottlePaths The host's `/sys/devices/system/cpu/cpuN/thermal_throttle`.
 * @throws TsmanError USAGE on a relative path
 */
export function resolveGuardedPaths(
  security: Pick<SecurityOptions, "mask" | "unmask">,
  isPrivileged: boolean,
  thermalThrottlePaths: readonly string[],
): GuardedPaths {
  const isUnmasked = unmaskedBy(security.unmask);
  const keep = (paths: readonly string[]): GuardedPath[] =>
    isPrivileged
      ? []
      : paths.filter((one) => !isUnmasked(one)).map((one) => ({ path: one, because: "default" }));
  const masked = keep([...defaultMasked, ...thermalThrottlePaths]);
  const asked = security.mask.map((text) => ({
    path: cleanContainerPath(absolute(text, "mask")),
    because: "--security-opt mask",
  }));
  const known = new Set(masked.map((one) => one.path));
  return {
    masked: [...masked, ...asked.filter((one) => !known.has(one.path))],
    readonly: keep(defaultReadonly),
  };
}

function unmaskedBy(patterns: readonly string[]): (candidate: string) => boolean {
  if (patterns.some((pattern) => pattern.toUpperCase() === "ALL")) return () => true;
  const cleaned = patterns.map((pattern) => cleanContainerPath(absolute(pattern, "unmask")));
  return (candidate) => cleaned.some((pattern) => path.posix.matchesGlob(candidate, pattern));
}

function absolute(text: string, option: string): string {
  if (path.posix.isAbsolute(text)) return text;
  throw new TsmanError("USAGE", `use --security-opt ${option}=${text}: not an absolute path`, {
    hint: `write --security-opt ${option}=/path[:/path…]`,
  });
}
