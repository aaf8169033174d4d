import { renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { toFileError } from "../platform/errno.ts";

/**
 * Writes a pid where somebody waits for it: complete or not there at all, and without a newline, since
 * containerd takes the whole for a number.
 *
 * @throws TsmanError PREFLIGHT_STORAGE, DISK_FULL, naming the file
 */
export function writePidFile(file: string, pid: number): void {
  const temporary = `${file}.${process.pid}~`;
  try {
    writeFileSync(temporary, String(pid), { mode: 0o644 });
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw toFileError(error, `write ${file}`);
  }
}
