import { chownSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isErrno, toFileError } from "../platform/errno.ts";
import { deepest } from "./group.ts";
import { readGroupText } from "./hierarchy.ts";

/** cgroups(7), "Cgroups delegation": those of the first kernels that had a list. */
const everyKernels = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

/**
 * Gives a group to a user, who may make groups below it and move processes, but not change what
 * limits the group itself (runtime-spec/config-linux.md, "Cgroup ownership").
 *
 * @param uid of this process's user namespace.
 * @throws TsmanError PERMISSION_DENIED and the like
 */
export function giveGroup(group: string, uid: number): void {
  // Deeper ones would be missed when all its processes are to end, and would stay behind.
  const depth = path.join(group, "cgroup.max.depth");
  if (readGroupText(depth)?.trim() === "max") writeFileSync(depth, String(deepest), { flag: "r+" });
  const listed = readGroupText("/sys/kernel/cgroup/delegate")?.trim().split("\n") ?? everyKernels;
  // The list comes from the kernel; a name of it with a slash would be no file of the group.
  for (const name of [".", ...listed.filter((one) => /^[\w.]+$/.test(one))]) {
    try {
      chownSync(path.join(group, name), uid, -1);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw toFileError(error, `give control group ${group}`);
    }
  }
}
