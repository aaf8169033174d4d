import { chownSync } from "node:fs";
import path from "node:path";
import { isErrno, toFileError } from "../platform/errno.ts";
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
