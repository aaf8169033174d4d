import { readFileSync } from "node:fs";
import { parseMountinfo } from "../bundle/mountinfo.ts";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { unmount } from "../platform/libc/mounts.ts";

/** Where something is mounted in this process's mount namespace. */
export function mountedTargets(): ReadonlySet<string> {
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  return new Set(mounts.map(({ target }) => target));
}

/**
 * Unmounts what is mounted at a path in this process's mount namespace.
 *
 * @param isForced also what is in use; it goes when nobody uses it any more.
 * @throws TsmanError CONTAINER_RUNNING when it is in use
 */
export function unmountTarget(target: string, isForced: boolean): void {
  try {
    unmount(target, isForced);
  } catch (error) {
    if (isErrno(error, "EBUSY")) {
      throw new TsmanError("CONTAINER_RUNNING", `unmount ${target}: it is in use`, {
        hint: "leave its directory, or use --force",
      });
    }
    throw toFileError(error, `unmount ${target}`);
  }
}
