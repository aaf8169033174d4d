import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import path from "node:path";
import { isErrno, toGivenFileError } from "../platform/errno.ts";
import { readRange } from "../platform/read-range.ts";
import { type ImageFiles, invalidArchive, shown } from "./image-files.ts";

/**
 * The files of a directory.  Only names that the formats fix, or digests, are looked up in it.
 *
 * @param name as messages name it
 */
export function directoryFiles(directory: string, name: string): ImageFiles {
  const pathOf = (file: string): string => path.join(directory, file);
  return {
    name,
    size(file) {
      try {
        const stat = statSync(pathOf(file));
        // Never a fifo, which would wait, or a device, which would not end.
        return stat.isFile() ? stat.size : undefined;
      } catch (error) {
        if (isErrno(error, "ENOENT", "ENOTDIR")) assertDirectory(directory, name);
        if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
        throw toGivenFileError(error, `read ${name}: ${shown(file)}`, "read");
      }
    },
    async *read(file, start = 0) {
      let fd: number;
      try {
        fd = openSync(pathOf(file), constants.O_RDONLY | constants.O_NONBLOCK);
      } catch (error) {
        if (isErrno(error, "ENOENT")) throw invalidArchive(name, `it has no file ${shown(file)}`);
        throw toGivenFileError(error, `read ${name}: ${shown(file)}`, "read");
      }
      try {
        yield* readRange(fd, { start });
      } finally {
        closeSync(fd);
      }
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** A directory that is not there has not just lost a file. */
function assertDirectory(directory: string, name: string): void {
  try {
    accessSync(path.join(directory, "."));
  } catch (error) {
    throw toGivenFileError(error, `read ${name}`, "read");
  }
}
