import { createRequire } from "node:module";
import process from "node:process";
import type Koffi from "koffi";
import { ErrnoError, errnoName } from "./errno.ts";

/*
 * The libc calls that Node lacks.  Only such as are safe in a process with several threads: never
 * clone, fork, unshare, setns, pivot_root, prctl or set*id (CONTRIBUTING.md, "Node never touches a
 * namespace itself").  chroot is the one exception, for the unpack worker: it is process-wide.
 *
 * koffi costs 15-30 ms to load, so it is loaded by the first call and never by an import.
 */

interface Libc {
  readonly errno: () => number;
  readonly flock: (fd: number, operation: number) => number;
  readonly mknod: (path: Buffer, mode: number, device: bigint) => number;
  readonly lsetxattr: (
    p: Buffer,
    name: Buffer,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly lgetxattr: (p: Buffer, name: Buffer, value: Uint8Array | null, size: number) => number;
  readonly llistxattr: (p: Buffer, list: Uint8Array | null, size: number) => number;
  readonly lremovexattr: (p: Buffer, name: Buffer) => number;
  readonly fsetxattr: (
    fd: number,
    name: Buffer,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly futimens: (fd: number, times: BigInt64Array) => number;
  readonly utimensat: (dir: number, path: Buffer, times: BigInt64Array, flags: number) => number;
  readonly chroot: (path: Buffer) => number;
  readonly fchdir: (fd: number) => number;
  readonly openat2: (
    call: number,
    dir: number,
    path: Buffer,
    how: BigUint64Array,
    size: number,
  ) => number;
  readonly statx: (
    call: number,
    dir: number,
    path: Buffer,
    flags: number,
    mask: number,
    result: Buffer,
  ) => number | bigint;
  readonly syscall: (number: number, a: number, b: number, c: number, d: number) => number | bigint;
  readonly linkat: (
    oldDir: number,
    old: Buffer,
    newDir: number,
    path: Buffer,
    flags: number,
  ) => number;
  readonly umount2: (target: Buffer, flags: number) => number;
  readonly lseek: (fd: number, offset: number, whence: number) => number | bigint;
  readonly ioctl: (fd: number, request: number, value: Uint32Array) => number;
  readonly syncfs: ReturnType<ReturnType<typeof Koffi.load>["func"]>;
}

let loaded: Libc | undefined;

/** Loads koffi and binds everything now: the unpack worker does so before it loses the host's /. */
export function loadLibc(): void {
  libc();
}

function libc(): Libc {
  loaded ??= bindLibc();
  return loaded;
}

function bindLibc(): Libc {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi;
  // The process's own symbols: Node is linked against whichever libc there is (glibc or musl).
  const library = koffi.load(null);
  return {
    errno: () => koffi.errno(),
    flock: library.func("int flock(int fd, int operation)"),
    mknod: bindMknod(library),
    lsetxattr: library.func(
      "int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)",
    ),
    lgetxattr: library.func(
      "int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)",
    ),
    llistxattr: library.func("int64_t llistxattr(const void *path, void *list, size_t size)"),
    fsetxattr: library.func(
      "int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)",
    ),
    futimens: library.func("int futimens(int fd, const void *times)"),
    lremovexattr: library.func("int lremovexattr(const void *path, const void *name)"),
    utimensat: library.func(
      "int utimensat(int dirfd, const void *path, const void *times, int flags)",
    ),
    chroot: library.func("int chroot(const void *path)"),
    fchdir: library.func("int fchdir(int fd)"),
    // glibc has no function for it.  What is variadic is passed like the rest on 64-bit machines.
    openat2: library.func(
      "long syscall(long number, int dirfd, const void *path, const void *how, size_t size)",
    ),
    linkat: library.func(
      "int linkat(int olddir, const void *old, int newdir, const void *new, int flags)",
    ),
    umount2: library.func("int umount2(const void *target, int flags)"),
    lseek: library.func("int64_t lseek(int fd, int64_t offset, int whence)"),
    ioctl: library.func("int ioctl(int fd, unsigned long request, void *value)"),
    syncfs: library.func("int syncfs(int fd)"),
    statx: library.func(
      "long syscall(long number, int dir, const void *path, long flags, long mask, void *result)",
    ),
    syscall: library.func("long syscall(long number, long a, long b, long c, long d)"),
  };
}

/** Before glibc 2.33 mknod(3) was an inline function over `__xmknod`. */
function bindMknod(library: ReturnType<typeof Koffi.load>): Libc["mknod"] {
  try {
    return library.func("int mknod(const void *path, uint32_t mode, uint64_t device)");
  } catch {
    const xmknod = library.func(
      "int __xmknod(int version, const void *path, uint32_t mode, void *device)",
    );
    // _MKNOD_VER is 0 on x86-64 and aarch64.
    return (path, mode, device) => xmknod(0, path, mode, new BigUint64Array([device])) as number;
  }
}

/** The file name that a call gets: the bytes, NUL-terminated; a NUL within is refused. */
function cString(path: Buffer): Buffer {
  if (path.includes(0)) throw new ErrnoError("open", JSON.stringify(path.toString()), 22);
  const terminated = Buffer.allocUnsafe(path.length + 1);
  path.copy(terminated);
  terminated[path.length] = 0;
  return terminated;
}

/** Throws what errno says after a call returned -1; `result` otherwise. */
function check(result: number, call: string, object: Buffer | string): number {
  if (result !== -1) return result;
  const errno = libc().errno();
  throw new ErrnoError(call, typeof object === "string" ? object : object.toString(), errno);
}

const lockOperations = { shared: 1, exclusive: 2, unlock: 8 } as const;
const lockNonBlocking = 4;

/**
 * flock(2), never waiting: a thread that waits in the kernel could not be interrupted, and Node
 * would not end before it does.  Waiting is {@link import("./file-lock.ts").lockFile}'s job.
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

/** Its number on every architecture: asm-generic/unistd.h. */
const openat2Call = 437;

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

/** SEEK_DATA and SEEK_HOLE of linux/fs.h. */
const seekTo = { data: 3, hole: 4 } as const;

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

/** lsetxattr(2): sets an extended attribute, of a symbolic link itself. */
export function lsetxattr(path: Buffer, name: string, value: Uint8Array): void {
  const attribute = cString(Buffer.from(name));
  check(
    libc().lsetxattr(cString(path), attribute, value, value.length, 0),
    `lsetxattr ${name}`,
    path,
  );
}

/** fsetxattr(2). */
export function fsetxattr(fd: number, name: string, value: Uint8Array): void {
  const attribute = cString(Buffer.from(name));
  check(
    libc().fsetxattr(fd, attribute, value, value.length, 0),
    `fsetxattr ${name}`,
    `descriptor ${fd}`,
  );
}

/** lgetxattr(2): the value, or undefined when the file has no such attribute. */
export function lgetxattr(path: Buffer, name: string): Buffer | undefined {
  const attribute = cString(Buffer.from(name));
  const value = Buffer.allocUnsafe(xattrSizeMax);
  const size = libc().lgetxattr(cString(path), attribute, value, value.length);
  if (size >= 0) return Buffer.from(value.subarray(0, size));
  const errno = libc().errno();
  const code = errnoName(errno);
  if (code === "ENODATA" || code === "ENOTSUP" || code === "EOPNOTSUPP") return undefined;
  throw new ErrnoError(`lgetxattr ${name}`, path.toString(), errno);
}

/** llistxattr(2): the names of all extended attributes; none on a file system without them. */
export function llistxattr(path: Buffer): string[] {
  const list = Buffer.allocUnsafe(xattrListMax);
  const size = libc().llistxattr(cString(path), list, list.length);
  if (size >= 0) {
    return list
      .subarray(0, size)
      .toString("latin1")
      .split("\0")
      .filter((name) => name !== "");
  }
  const errno = libc().errno();
  const code = errnoName(errno);
  if (code === "ENOTSUP" || code === "EOPNOTSUPP") return [];
  throw new ErrnoError("llistxattr", path.toString(), errno);
}

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h. */
const xattrSizeMax = 65_536;
const xattrListMax = 65_536;

/** lremovexattr(2). */
export function lremovexattr(path: Buffer, name: string): void {
  check(
    libc().lremovexattr(cString(path), cString(Buffer.from(name))),
    `lremovexattr ${name}`,
    path,
  );
}

/** A time in the kernel's form; `nsec` is 0…999 999 999. */
export interface Timespec {
  readonly sec: number | bigint;
  readonly nsec: number;
}

const atFdcwd = -100;
const atSymlinkNofollow = 0x100;
const timespecs = new BigInt64Array(4);

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

/** Their numbers on every architecture: asm-generic/unistd.h. */
const pidfdSendSignalCall = 424;
const pidfdOpenCall = 434;

/**
 * pidfd_open(2): a descriptor that means this process for ever, whoever gets its pid.
 *
 * @returns undefined when there is none; else a descriptor that is the caller's to close.
 */
export function pidfdOpen(pid: number): number | undefined {
  const fd = Number(libc().syscall(pidfdOpenCall, pid, 0, 0, 0));
  if (fd !== -1) return fd;
  const errno = libc().errno();
  if (errnoName(errno) === "ESRCH") return undefined;
  throw new ErrnoError("pidfd_open", `process ${pid}`, errno);
}

/** pidfd_send_signal(2); whether the process was still there. */
export function pidfdSendSignal(pidfd: number, signal: number): boolean {
  if (Number(libc().syscall(pidfdSendSignalCall, pidfd, signal, 0, 0)) !== -1) return true;
  const errno = libc().errno();
  if (errnoName(errno) === "ESRCH") return false;
  throw new ErrnoError("pidfd_send_signal", `signal ${signal}`, errno);
}

/** AT_FDCWD and AT_SYMLINK_FOLLOW of linkat(2). */
const atCurrentDirectory = -100;
const atSymlinkFollow = 0x400;

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

/** MNT_DETACH of umount2(2). */
const mntDetach = 2;

/** umount2(2) in this process's mount namespace; detached, also while it is in use. */
export function unmount(target: string, isDetached: boolean): void {
  const path = Buffer.from(target);
  check(libc().umount2(cString(path), isDetached ? mntDetach : 0), "umount", path);
}

/** ioctl_ns(2). */
const namespaceRequests = { owner: 0xb701, parent: 0xb702 } as const;
const getOwnerUid = 0xb704;

/**
 * ioctl_ns(2): a descriptor of the user namespace that owns the namespace behind `fd`, or of the
 * parent of a user or pid namespace.
 *
 * @returns undefined when there is none, or it is out of the caller's sight.
 */
export function relatedNamespace(
  fd: number,
  relation: keyof typeof namespaceRequests,
): number | undefined {
  const related = libc().ioctl(fd, namespaceRequests[relation], new Uint32Array(1));
  return related < 0 ? undefined : related;
}

/** ioctl_ns(2): uid of whoever made the user namespace behind `fd`. */
export function namespaceCreator(fd: number): number {
  const uid = new Uint32Array(1);
  check(libc().ioctl(fd, getOwnerUid, uid), "ioctl NS_GET_OWNER_UID", `descriptor ${fd}`);
  return uid[0] ?? 0;
}

/** statx(2) is younger than some of the C libraries that Node runs with. */
const statxCall = process.arch === "x64" ? 332 : 291;
const statxMountId = 0x1000;
/** Of struct statx. */
const statxSize = 256;
const statxMountIdOffset = 144;

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
