import { accessSync, constants } from "node:fs";
import path from "node:path";
import { readText } from "./read-text.ts";

/** What the host's control groups allow this user; cgroups(7). */
export interface CgroupFacts {
  readonly version: "v2" | "v1" | "hybrid" | "none";
  /** Own group below /sys/fs/cgroup; v2 only. */
  readonly path: string | undefined;
  /** Controllers that the own group has. */
  readonly controllers: readonly string[];
  /** Whether this user may make groups below the own one. */
  readonly isDelegated: boolean;
}

/** Reads the facts from /proc/self/cgroup and /sys/fs/cgroup. */
export function readCgroupFacts(): CgroupFacts {
  const membership = (readText("/proc/self/cgroup") ?? "")
    .split("\n")
    .filter((line) => line !== "");
  const unified = membership.find((line) => line.startsWith("0::"));
  const isV2 = readText("/sys/fs/cgroup/cgroup.controllers") !== undefined;
  if (!isV2) {
    const hasV1 = membership.some((line) => !line.startsWith("0::"));
    const version = hasV1 ? (unified === undefined ? "v1" : "hybrid") : "none";
    return { version, path: undefined, controllers: [], isDelegated: false };
  }
  const own = path.join("/sys/fs/cgroup", unified?.slice("0::".length) ?? "");
  const controllers = readText(path.join(own, "cgroup.controllers"))?.split(" ") ?? [];
  return {
    version: "v2",
    path: own,
    controllers: controllers.filter((name) => name !== ""),
    isDelegated: isWritable(own) && isWritable(path.join(own, "cgroup.procs")),
  };
}

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
