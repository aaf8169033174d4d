import { writeFileAtomic } from "../platform/atomic-file.ts";
import { toGivenFileError } from "../platform/errno.ts";

/**
 * Writes a pid where somebody waits for it: complete or not there at all, and without a newline, since
 * containerd takes the whole for a number.  Nothing is written through a link that is in its way.
 *
 * @throws TsmanError PREFLIGHT_STORAGE, DISK_FULL, naming the file
 */
export function writePidFile(file: string, pid: number): void {
  try {
    writeFileAtomic(file, String(pid), { mode: 0o644 });
  } catch (error) {
    throw toGivenFileError(error, `write ${file}`, "write");
  }
}
