import { check, cString, libc } from "./binding.ts";

/** AT_FDCWD and AT_SYMLINK_NOFOLLOW of utimensat(2). */
const atFdcwd = -100;
const atSymlinkNofollow = 0x100;
const timespecs = new BigInt64Array(4);

/** A time in the kernel's form; `nsec` is 0…999 999 999. */
export interface Timespec {
  readonly sec: number | bigint;
  readonly nsec: number;
}

/** utimensat(2) with AT_SYMLINK_NOFOLLOW: access and modification time, to the nanosecond. */
export function utimensat(path: Buffer, atime: Timespec, mtime: Timespec): void {
  setTimes(atime, mtime);
  check(libc().utimensat(atFdcwd, cString(path), timespecs, atSymlinkNofollow), "utimensat", path);
}

/** futimens(3): access and modification time of an open file, to the nanosecond. */
export function futimens(fd: number, atime: Timespec, mtime: Timespec): void {
  setTimes(atime, mtime);
  check(libc().futimens(fd, timespecs), "futimens", `descriptor ${fd}`);
}

function setTimes(atime: Timespec, mtime: Timespec): void {
  timespecs[0] = BigInt(atime.sec);
  timespecs[1] = BigInt(atime.nsec);
  timespecs[2] = BigInt(mtime.sec);
  timespecs[3] = BigInt(mtime.nsec);
}
