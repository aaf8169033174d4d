import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { openat2 } from "./libc.ts";

/** openat2(2), linux/openat2.h */
const resolve = { noMagicLinks: 0x02, inRoot: 0x10 } as const;
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
  let handle: number | undefined;
  let content: number | undefined;
  try {
    handle = openat2(root, file, openPath, resolve.noMagicLinks | resolve.inRoot);
    const stat = fstatSync(handle);
    if (!stat.isFile() || stat.size > maxBytes) return undefined;
    // Ours, so that nobody can put another file there.
    content = openSync(`/proc/self/fd/${handle}`, constants.O_RDONLY | constants.O_NONBLOCK);
    return readUpTo(content, maxBytes);
  } catch {
    return undefined;
  } finally {
    if (content !== undefined) closeSync(content);
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
