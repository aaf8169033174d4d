import { ErrnoError, errnoName } from "../errno.ts";
import { check, cString, libc } from "./binding.ts";

const lockOperations = { shared: 1, exclusive: 2, unlock: 8 } as const;
const lockNonBlocking = 4;

/** Its number on every architecture: asm-generic/unistd.h. */
const openat2Call = 437;

/** AT_FDCWD and AT_SYMLINK_FOLLOW of linkat(2). */
const atCurrentDirectory = -100;
const atSymlinkFollow = 0x400;

/** SEEK_DATA and SEEK_HOLE of linux/fs.h. */
const seekTo = { data: 3, hole: 4 } as const;

/**
 * flock(2), never waiting: a thread that waits in the kernel could not be interrupted, and Node
 * would not end before it does.  Waiting is {@link import("../file-lock.ts").lockFile}'s job.
 *
 * @returns false when another open file description holds the lock.
 */
export function flock(fd: number, operation: keyof typeof lockOperations): boolean {
  const result = libc().flock(fd, lockOperations[operation] | lockNonBlocking);
  if (result === 0) return true;
  const errno = libc().errno();
  if (errnoName(errno) === "EAGAIN") return false;
  throw new ErrnoError("flock", `descriptor ${fd}`, errno);
}

/**
 * openat2(2), read-only and close-on-exec.
 *
 * @param flags O_PATH, O_DIRECTORY …
 * @param resolve RESOLVE_IN_ROOT …, linux/openat2.h
 * @returns a descriptor, which is the caller's to close.
 */
export function openat2(dir: number, path: string, flags: number, resolve: number): number {
  const closeOnExec = 0o2000000;
  const how = new BigUint64Array([BigInt(flags | closeOnExec), 0n, BigInt(resolve)]);
  const file = cString(Buffer.from(path));
  return check(
    Number(libc().openat2(openat2Call, dir, file, how, how.byteLength)),
    "openat2",
    path,
  );
}

/**
 * lseek(2) to the next byte from `offset` on that is data, or in a hole; the file's end is one.
 *
 * @returns undefined when nothing follows.
 */
export function lseek(fd: number, offset: number, to: keyof typeof seekTo): number | undefined {
  const result = Number(libc().lseek(fd, offset, seekTo[to]));
  if (result >= 0) return result;
  const errno = libc().errno();
  if (errnoName(errno) === "ENXIO") return undefined;
  throw new ErrnoError("lseek", `descriptor ${fd}`, errno);
}

/** mknod(2). `mode` holds the type too (S_IFIFO …), `device` as of makedev(3); umask applies. */
export function mknod(path: Buffer, mode: number, device = 0n): void {
  check(libc().mknod(cString(path), mode, device), "mknod", path);
}

/** Gives a file that was opened with O_TMPFILE a name, as open(2) describes it. */
export function linkDescriptor(fd: number, path: string): void {
  const own = Buffer.from(`/proc/self/fd/${fd}`);
  const target = Buffer.from(path);
  const result = libc().linkat(
    atCurrentDirectory,
    cString(own),
    atCurrentDirectory,
    cString(target),
    atSymlinkFollow,
  );
  check(result, "link", target);
}

/** syncfs(2): all of the file system behind `fd` to the disk; waits on a thread of its own. */
export async function syncFilesystem(fd: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  libc().syncfs.async(fd, (error: unknown, result: number) => {
    if (error !== null) reject(error instanceof Error ? error : new Error(String(error)));
    else if (result === 0) resolve();
    // errno belongs to the thread that made the call, so what it was cannot be known here.
    else reject(new ErrnoError("syncfs", `descriptor ${fd}`, 5));
  });
  await promise;
}
