import { accessSync, constants, readFileSync, statfsSync } from "node:fs";
import path from "node:path";

/** Where version 2 of control groups is mounted; systemd's convention, which everybody follows. */
export const cgroupRoot = "/sys/fs/cgroup";

/** CGROUP2_SUPER_MAGIC of linux/magic.h. */
const cgroup2Magic = 0x63677270;

/** Whether the host has control groups of version 2, and no others. */
export function isUnified(root = cgroupRoot): boolean {
  return isGroup(root);
}

/** Whether a directory is a control group of version 2; false when it is missing. */
export function isGroup(directory: string): boolean {
  try {
    return statfsSync(directory).type === cgroup2Magic;
  } catch {
    return false;
  }
}

/**
 * The group of a process as a path below {@link cgroupRoot}; cgroups(7), /proc/PID/cgroup.
 *
 * @returns undefined when it has none of version 2, or it is out of this process's sight.
 */
export function groupOf(pid: number | "self", root = cgroupRoot): string | undefined {
  const text = readGroupText(`/proc/${pid}/cgroup`);
  const own = /^0::(\/.*)$/m.exec(text ?? "")?.[1];
  // Beyond the root of the cgroup namespace, or removed meanwhile.
  if (own === undefined || own.startsWith("/..") || own.endsWith(" (deleted)")) return undefined;
  return path.join(root, own);
}

/** The text of a small file; undefined when it cannot be read. */
export function readGroupText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** The words of a file such as `cgroup.controllers`. */
export function readWords(file: string): readonly string[] {
  return (readGroupText(file) ?? "").split(/\s+/).filter((word) => word !== "");
}

/** Whether this user may make groups in one, and move processes between them. */
export function isDelegated(group: string): boolean {
  return ["", "cgroup.procs", "cgroup.subtree_control"].every((name) => {
    try {
      accessSync(path.join(group, name), constants.W_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** In a group of the caller's: where its processes go when it gets groups below it. */
export const callersName = "tsman-callers";

/** Callers that were moved by an earlier command are below the group that is shared out. */
export function baseOf(own: string): string {
  return path.basename(own) === callersName ? path.dirname(own) : own;
}
