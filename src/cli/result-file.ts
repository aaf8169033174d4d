import { writeFileSync } from "node:fs";
import { toGivenFileError } from "../platform/errno.ts";

/**
 * Writes what a command has made into the file that an option names: `--digestfile`, `--iidfile`.
 *
 * @param what for messages: `image id`
 * @throws TsmanError PREFLIGHT_STORAGE, DISK_FULL
 */
export function writeResultFile(file: string, content: string, what: string): void {
  try {
    writeFileSync(file, content, { mode: 0o644 });
  } catch (error) {
    throw toGivenFileError(error, `write ${what} to ${file}`, "write");
  }
}
