import { readdirSync } from "node:fs";
import path from "node:path";
import { readNumbers } from "./group.ts";
import { readGroupText } from "./hierarchy.ts";

/** What the processes of a group use together; undefined: the group lacks the controller. */
export interface GroupUsage {
  /** Microseconds of processor time, of processes that have ended as well. */
  readonly cpuMicroseconds: number | undefined;
  /** Bytes, without the part of the page cache that nobody has used lately. */
  readonly memory: number | undefined;
  /** Bytes; undefined as well where there is no limit. */
  readonly memoryLimit: number | undefined;
  readonly block: { readonly read: number; readonly written: number } | undefined;
  readonly tasks: number | undefined;
}

/** Reads the usage of a group, as Documentation/admin-guide/cgroup-v2.rst describes its files. */
export function readUsage(group: string): GroupUsage {
  const total = numberIn(group, "memory.current");
  // The kernel gives it back before anything else: Docker and the kubelet do not count it either.
  const idle = readNumbers(group, "memory.stat").get("inactive_file") ?? 0;
  return {
    cpuMicroseconds: readNumbers(group, "cpu.stat").get("usage_usec"),
    memory: total === undefined ? undefined : Math.max(0, total - idle),
    memoryLimit: numberIn(group, "memory.max"),
    block: blockOf(readGroupText(path.join(group, "io.stat"))),
    tasks: numberIn(group, "pids.current"),
  };
}

/** "max" is none. */
function numberIn(group: string, file: string): number | undefined {
  const text = readGroupText(path.join(group, file))?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function blockOf(text: string | undefined): GroupUsage["block"] {
  if (text === undefined) return undefined;
  const sum = (key: string): number =>
    Array.from(text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))).reduce(
      (total, match) => total + Number(match[1]),
      0,
    );
  return { read: sum("rbytes"), written: sum("wbytes") };
}

/** What limits a group, by file name: those of its files that are limits and have one. */
export function readLimits(group: string): Readonly<Record<string, string>> {
  const limits: Record<string, string> = {};
  for (const file of limitFiles(group)) {
    const text = readGroupText(path.join(group, file))?.trim() ?? "";
    if (!unlimited[path.extname(file)]?.includes(text)) limits[file] = text.replaceAll("\n", ", ");
  }
  return limits;
}

function limitFiles(group: string): readonly string[] {
  try {
    return readdirSync(group)
      .filter((name) => Object.hasOwn(unlimited, path.extname(name)))
      .filter((name) => !name.startsWith("cgroup."))
      .toSorted();
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

/** What such files say where there is no limit: of amounts, guarantees, shares and sets. */
const unlimited: Readonly<Record<string, readonly string[]>> = {
  ".max": ["max", "max 100000", ""],
  ".high": ["max"],
  ".low": ["0"],
  ".min": ["0"],
  ".weight": ["100", "default 100"],
  ".cpus": [""],
  ".mems": [""],
};
