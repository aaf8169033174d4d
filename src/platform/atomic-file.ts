import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { randomHex } from "./random.ts";

/** What {@link writeFileAtomic} takes. */
export interface AtomicWriteOptions {
  /** Permission bits, whatever the umask; default 0o600. */
  readonly mode?: number | undefined;
  /** Wait until the bytes are on the disk, so that they outlive a loss of power. */
  readonly sync?: boolean | undefined;
  /** Path of the temporary file, on the same file system; missing: next to the file. */
  readonly temporary?: string | undefined;
}

/**
 * Writes a whole file so that a reader, or a crash, sees the old one or the new one and never a
 * part: temporary file → fsync → rename.
 *
 * @throws Node's system errors; the temporary file is gone then.
 */
export function writeFileAtomic(
  file: string,
  content: string | Uint8Array,
  options: AtomicWriteOptions = {},
): void {
  const temporary = options.temporary ?? `${file}.${randomHex(6)}.tmp`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const fd = openSync(temporary, flags, 0o600);
  try {
    try {
      writeFileSync(fd, content);
      fchmodSync(fd, options.mode ?? 0o600);
      if (options.sync === true) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, file);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  if (options.sync === true) syncDirectory(path.dirname(file));
}

/** fsync of a directory: makes the names in it as durable as the bytes behind them. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Reads a regular file of at most `maxBytes`; never waits on a fifo and never reads a device.
 *
 * @throws TsmanError DOCUMENT_INVALID when it is no regular file or too large; Node's system
 * errors, e.g. ENOENT.
 */
export function readSmallFile(file: string, maxBytes: number): Buffer {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) {
      throw new TsmanError("DOCUMENT_INVALID", `read ${file}: not a regular file`);
    }
    const tooLarge = (): TsmanError =>
      new TsmanError("DOCUMENT_INVALID", `read ${file}: larger than ${maxBytes} bytes`);
    if (stat.size > maxBytes) throw tooLarge();
    // One byte more than allowed: files in /proc report a size of 0, others may grow meanwhile.
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(stat.size, 4096)) + 1);
    let length = 0;
    let content = buffer;
    for (;;) {
      const count = readSync(fd, content, length, content.length - length, null);
      if (count === 0) return content.subarray(0, length);
      length += count;
      if (length > maxBytes) throw tooLarge();
      if (length === content.length) {
        content = Buffer.concat([content, Buffer.allocUnsafe(content.length)]);
      }
    }
  } finally {
    closeSync(fd);
  }
}
