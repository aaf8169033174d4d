import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { openat2 } from "./libc/files.ts";

/** openat2(2), linux/openat2.h */
const resolve = {
  noDevices: 0x01,
  noMagicLinks: 0x02,
  noLinks: 0x04,
  beneath: 0x08,
  inRoot: 0x10,
} as const;
/** asm-generic/fcntl.h: the same on x86-64 and arm64. */
const openPath = 0o10000000;

/**
 * Reads a file below a directory that somebody else controls, as if that were /: no symbolic link
 * and no `..` leads out of it.  Only a regular file is opened for reading: not a fifo, which would
 * wait, nor a device.
 *
 * @param root descriptor of the directory.
 * @returns undefined when there is no such file, when it is another kind or larger than `maxBytes`,
 * and where the kernel is older than 5.6.
 */
export function readFileInRoot(root: number, file: string, maxBytes: number): Buffer | undefined {
  const how = resolve.noMagicLinks | resolve.inRoot;
  const content = openRegular(root, file, how, (size) => size <= maxBytes);
  if (content === undefined) return undefined;
  try {
    return readUpTo(content, maxBytes);
  } catch {
    return undefined;
  } finally {
    closeSync(content);
  }
}

/**
 * Opens a regular file below a directory for reading.  The name counts as it is: no symbolic link
 * in it, no `..` that leads out, no other file system.
 *
 * @param directory path of the directory
 * @param size bytes that the file has to have
 * @returns a descriptor, which is the caller's to close; undefined when there is no such file, when
 * it may not be read, and where the kernel is older than 5.6
 */
export function openFileBeneath(directory: string, file: string, size: number): number | undefined {
  let root: number | undefined;
  try {
    root = openSync(directory, openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    const how = resolve.noDevices | resolve.noMagicLinks | resolve.noLinks | resolve.beneath;
    return openRegular(root, file, how, (found) => found === size);
  } catch {
    return undefined;
  } finally {
    if (root !== undefined) closeSync(root);
  }
}

function openRegular(
  root: number,
  file: string,
  how: number,
  fits: (size: number) => boolean,
): number | undefined {
  let handle: number | undefined;
  try {
    handle = openat2(root, file, openPath, how);
    const stat = fstatSync(handle);
    if (!stat.isFile() || !fits(stat.size)) return undefined;
    // Ours, so that nobody can put another file there.
    return openSync(`/proc/self/fd/${handle}`, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function readUpTo(fd: number, maxBytes: number): Buffer | undefined {
  // One more than allowed: it may grow meanwhile.
  const buffer = Buffer.allocUnsafe(maxBytes + 1);
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, length);
    length += count;
    if (length > maxBytes) return undefined;
    if (count === 0) return buffer.subarray(0, length);
  }
}
