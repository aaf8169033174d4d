import { ErrnoError, errnoName } from "./errno.ts";
import { processAddon } from "./process-addon.ts";

/**
 * flock(2), exclusive and not waited for, without koffi: for programs that live for milliseconds.
 *
 * @returns false when another open file description holds the lock.
 * @throws ErrnoError; Error when the installation lacks the addon
 */
export function lockDescriptor(fd: number): boolean {
  const errno = processAddon().lockDescriptor(fd);
  if (errno === 0) return true;
  if (errnoName(errno) === "EAGAIN") return false;
  throw new ErrnoError("flock", `descriptor ${fd}`, errno);
}
