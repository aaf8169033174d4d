import { closeSync, constants, fsync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { syncDirectory } from "./atomic-file.ts";
import { isErrno } from "./errno.ts";
import { linkDescriptor } from "./libc/files.ts";
import { randomHex } from "./random.ts";

/** O_TMPFILE, which Node lacks. */
const temporaryFile = 0o20200000;

/** A file that gets its name when it is complete; until then nobody sees a part of it. */
export interface UnnamedFile extends Disposable {
  /** Open for reading and writing. */
  readonly fd: number;
  /** Waits until it is on the disk and puts it in the place of whatever has the name. */
  publish(): Promise<void>;
}

/**
 * Makes a file that has no name yet, so that a process that is killed leaves nothing behind.  A file
 * system that knows no such files gets one with another name next to it.
 *
 * @param file its name in the end
 * @param mode permission bits, which the umask narrows
 * @throws Node's system errors
 */
export function makeUnnamedFile(file: string, mode: number): UnnamedFile {
  const directory = path.dirname(file);
  const { fd, name } = openUnnamed(directory, `${file}.${randomHex(6)}.tmp`, mode);
  let temporary = name;
  return {
    fd,
    async publish() {
      await promisify(fsync)(fd);
      if (temporary === undefined) {
        const linked = `${file}.${randomHex(6)}.tmp`;
        linkDescriptor(fd, linked);
        temporary = linked;
      }
      renameSync(temporary, file);
      temporary = undefined;
      syncDirectory(directory);
    },
    [Symbol.dispose]() {
      closeSync(fd);
      if (temporary !== undefined) rmSync(temporary, { force: true });
    },
  };
}

function openUnnamed(
  directory: string,
  named: string,
  mode: number,
): { readonly fd: number; readonly name?: string } {
  try {
    return { fd: openSync(directory, constants.O_RDWR | temporaryFile, mode) };
  } catch (error) {
    // open(2), O_TMPFILE: the second is what kernels say that do not know it.
    if (!isErrno(error, "ENOTSUP", "EOPNOTSUPP", "EISDIR", "EINVAL")) throw error;
    return { fd: openSync(named, "wx+", mode), name: named };
  }
}
