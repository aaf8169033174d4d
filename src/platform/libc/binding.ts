import { createRequire } from "node:module";
import type Koffi from "koffi";
import { ErrnoError } from "../errno.ts";

/*
 * The libc calls that Node lacks.  Only such as are safe in a process with several threads: never
 * clone, fork, unshare, setns, pivot_root, prctl or set*id (CONTRIBUTING.md, "Node never touches a
 * namespace itself").  chroot is the one exception, for the unpack worker: it is process-wide.
 *
 * koffi costs 15-30 ms to load, so it is loaded by the first call and never by an import.
 */

/** The calls as koffi makes them: -1 is a failure, which errno tells of. */
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

/** The calls, bound at the first use. */
export function libc(): Libc {
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
export function cString(path: Buffer): Buffer {
  if (path.includes(0)) throw new ErrnoError("open", JSON.stringify(path.toString()), 22);
  const terminated = Buffer.allocUnsafe(path.length + 1);
  path.copy(terminated);
  terminated[path.length] = 0;
  return terminated;
}

/** Throws what errno says after a call returned -1; `result` otherwise. */
export function check(result: number, call: string, object: Buffer | string): number {
  if (result !== -1) return result;
  const errno = libc().errno();
  throw new ErrnoError(call, typeof object === "string" ? object : object.toString(), errno);
}
