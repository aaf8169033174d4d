import { ErrnoError, errnoName } from "../errno.ts";
import { check, cString, libc } from "./binding.ts";

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h. */
const xattrSizeMax = 65_536;
const xattrListMax = 65_536;

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

/** lremovexattr(2). */
export function lremovexattr(path: Buffer, name: string): void {
  check(
    libc().lremovexattr(cString(path), cString(Buffer.from(name))),
    `lremovexattr ${name}`,
    path,
  );
}
