import process from "node:process";
import { check, cString, libc } from "./binding.ts";

/** MNT_DETACH of umount2(2). */
const mntDetach = 2;

/** AT_FDCWD and AT_SYMLINK_NOFOLLOW of statx(2). */
const atFdcwd = -100;
const atSymlinkNofollow = 0x100;

/** statx(2) is younger than some of the C libraries that Node runs with. */
const statxCall = process.arch === "x64" ? 332 : 291;
const statxMountId = 0x1000;

/** Of struct statx. */
const statxSize = 256;
const statxMountIdOffset = 144;

/** umount2(2) in this process's mount namespace; detached, also while it is in use. */
export function unmount(target: string, isDetached: boolean): void {
  const path = Buffer.from(target);
  check(libc().umount2(cString(path), isDetached ? mntDetach : 0), "umount", path);
}

/**
 * statx(2), Linux 5.8: which mount a path leads to, not following a link at its end.
 *
 * @returns undefined on an older kernel.
 */
export function mountIdOf(path: Buffer): bigint | undefined {
  const result = Buffer.alloc(statxSize);
  const done = libc().statx(
    statxCall,
    atFdcwd,
    cString(path),
    atSymlinkNofollow,
    statxMountId,
    result,
  );
  check(Number(done), "statx", path);
  const isKnown = (result.readUInt32LE(0) & statxMountId) !== 0;
  return isKnown ? result.readBigUInt64LE(statxMountIdOffset) : undefined;
}

/**
 * fchdir(2), chroot(2), chdir(2), for the unpack worker only: from here on the kernel contains every
 * path, link and race of the whole process in the directory behind `fd`.  From one such directory
 * the process gets into another one only by a descriptor that it has had before.
 */
export function enterRoot(fd: number): void {
  // The first date makes ICU look for the time zone's files: not for those of a container.
  new Date().getTimezoneOffset();
  check(libc().fchdir(fd), "fchdir", `descriptor ${fd}`);
  check(libc().chroot(cString(Buffer.from("."))), "chroot", `descriptor ${fd}`);
  // Node's own, which forgets the working directory that it remembers.
  process.chdir("/");
}
