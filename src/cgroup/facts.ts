import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import {
  baseOf,
  cgroupRoot,
  groupOf,
  isDelegated,
  isUnified,
  readGroupText,
  readWords,
} from "./hierarchy.ts";
import { managerSockets } from "./systemd.ts";

/** What the host's control groups allow this user; cgroups(7). */
export interface CgroupFacts {
  readonly version: "v2" | "v1" | "hybrid" | "none";
  /** Who makes the groups of containers; "none": there are none. */
  readonly manager: "systemd" | "cgroupfs" | "none";
  /** Where they are made: the group of the user's manager, or the own one; v2 only. */
  readonly path: string | undefined;
  /** Controllers that were handed to this user there. */
  readonly controllers: readonly string[];
}

/** Reads the facts from /proc/self/cgroup and /sys/fs/cgroup; asks nobody. */
export function readCgroupFacts(): CgroupFacts {
  if (!isUnified()) {
    return { version: olderVersion(), manager: "none", path: undefined, controllers: [] };
  }
  const own = groupOf("self");
  if (managerSockets().length > 0) {
    const group = managerGroup();
    return { version: "v2", manager: "systemd", path: group, controllers: controllersOf(group) };
  }
  const base = own === undefined ? undefined : baseOf(own);
  if (base === undefined || !isDelegated(base)) {
    return { version: "v2", manager: "none", path: base, controllers: [] };
  }
  return { version: "v2", manager: "cgroupfs", path: base, controllers: controllersOf(base) };
}

function olderVersion(): CgroupFacts["version"] {
  const lines = (readGroupText("/proc/self/cgroup") ?? "").split("\n").filter(Boolean);
  if (lines.every((line) => line.startsWith("0::")) || !existsSync(cgroupRoot)) return "none";
  return lines.some((line) => line.startsWith("0::")) ? "hybrid" : "v1";
}

/** user@.service(5) of this user; the system's manager has all. */
function managerGroup(): string {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) return cgroupRoot;
  return path.join(cgroupRoot, "user.slice", `user-${uid}.slice`, `user@${uid}.service`);
}

function controllersOf(group: string): readonly string[] {
  return readWords(path.join(group, "cgroup.controllers"));
}
