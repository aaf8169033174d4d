import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import type { GroupSetting } from "./group-setting.ts";
import { readGroupText, readWords } from "./hierarchy.ts";

/** Levels of groups within a group that are looked at. */
export const deepest = 16;

/**
 * Moves every process of a group into a group below it: one that has processes cannot give
 * controllers to the groups below it (cgroup-v2.rst, "No Internal Process Constraint").  The root of
 * all groups can, and is left alone: the whole machine's processes may be in it.
 *
 * @throws TsmanError PREFLIGHT_CGROUP when one may not be moved.
 */
export function moveProcesses(group: string, name: string): void {
  // Only the root has no such file.
  if (!existsSync(path.join(group, "cgroup.events"))) return;
  const below = path.join(group, name);
  mkdirSync(below, { recursive: true });
  // Some may come while others are moved.
  for (let pass = 0; pass < 10; pass += 1) {
    const pids = readWords(path.join(group, "cgroup.procs"));
    if (pids.length === 0) return;
    // One by one: that is what a write can do.  Pid 0 is a process of another pid namespace.
    for (const pid of pids) moveProcess(below, Number(pid));
  }
}

/** The processes of a group and of those below it, as this pid namespace numbers them. */
export function groupPids(group: string, depth = 0): readonly number[] {
  const own = readWords(path.join(group, "cgroup.procs")).map(Number);
  const below = depth < deepest ? namesBelow(group) : [];
  return [
    // 0 is a process of another pid namespace.
    ...own.filter((pid) => pid > 0),
    ...below.flatMap((name) => groupPids(path.join(group, name), depth + 1)),
  ];
}

function namesBelow(group: string): readonly string[] {
  try {
    const entries = readdirSync(group, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    // It has ended meanwhile.
    return [];
  }
}

/** @throws TsmanError PREFLIGHT_CGROUP */
function moveProcess(group: string, pid: number): void {
  try {
    writeFileSync(path.join(group, "cgroup.procs"), String(pid));
  } catch (error) {
    // It has ended.
    if (isErrno(error, "ESRCH")) return;
    throw new TsmanError(
      "PREFLIGHT_CGROUP",
      `move process ${pid} into ${group}: ${toFileError(error, "write").message}`,
      {
        hint: "only processes of your own may be in the control group that is yours",
        cause: error,
      },
    );
  }
}

/** Gives a group's controllers to the groups below it, as far as they can be given. */
export function enableControllers(group: string): readonly string[] {
  const control = path.join(group, "cgroup.subtree_control");
  const enabled = new Set(readWords(control));
  for (const name of readWords(path.join(group, "cgroup.controllers"))) {
    if (enabled.has(name)) continue;
    try {
      writeFileSync(control, `+${name}`);
    } catch {
      // Realtime processes keep cpu from it, for instance: what is not there is said by whoever
      // wants a limit of it.
    }
  }
  return readWords(control);
}

/** Makes an empty group; what an earlier life has left of it goes first. */
export function makeGroup(group: string): void {
  removeGroup(group);
  try {
    mkdirSync(group);
  } catch (error) {
    throw toFileError(error, `make control group ${group}`);
  }
  try {
    // Deeper ones would be missed when all its processes are to end, and would stay behind.
    writeFileSync(path.join(group, "cgroup.max.depth"), String(deepest), { flag: "r+" });
  } catch {
    // Before Linux 4.14.
  }
}

/** Removes a group without processes and those below it; false when processes are left. */
export function removeGroup(group: string, depth = 0): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    if (depth === deepest) return false;
  }
  try {
    for (const entry of readdirSync(group, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(path.join(group, entry.name), depth + 1);
    }
    rmdirSync(group);
  } catch {
    return !existsSync(group);
  }
  return true;
}

/**
 * Writes limits into a group's files, in order.
 *
 * @throws TsmanError USAGE for a value that the kernel refuses, PREFLIGHT_CGROUP where it has no
 * such file.
 */
export function writeSettings(group: string, settings: readonly GroupSetting[]): void {
  for (const setting of settings) {
    const { file, value } = chosenFile(group, setting);
    try {
      // Not made where it is missing: EACCES would be the kernel's word for that.
      writeFileSync(path.join(group, file), value, { flag: "r+" });
    } catch (error) {
      if (isErrno(error, "ENOENT")) {
        if (setting.isImplied) continue;
        throw new TsmanError(
          "PREFLIGHT_CGROUP",
          `set ${file} to ${value}: this kernel has no ${file}`,
          {
            hint: remedyOfFile(file),
            cause: error,
          },
        );
      }
      throw new TsmanError(
        "USAGE",
        `set ${file} to ${value}: the kernel refuses it: ${toFileError(error, "write").message}`,
        {
          hint: `compare with what there is: cat ${path.dirname(group)}/${file.split(".")[0]}.*`,
          cause: error,
        },
      );
    }
  }
}

function remedyOfFile(file: string): string {
  if (file.startsWith("memory.swap")) return "boot with swapaccount=1 on the kernel command line";
  if (file.startsWith("io.")) return "use a scheduler with weights, such as bfq";
  return "leave that limit out, or take a newer kernel";
}

function chosenFile(group: string, setting: GroupSetting): { file: string; value: string } {
  const { otherwise } = setting;
  if (otherwise === undefined || existsSync(path.join(group, setting.file))) return setting;
  return otherwise;
}

/** The numbers of a file with a name and a number in each line, such as `cpu.stat`. */
export function readNumbers(group: string, file: string): ReadonlyMap<string, number> {
  const text = readGroupText(path.join(group, file)) ?? "";
  return new Map(
    Array.from(text.matchAll(/^(\S+) (\d+)$/gm), ([, name, number]) => [
      name as string,
      Number(number),
    ]),
  );
}
