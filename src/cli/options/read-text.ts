import { readFileSync, statSync } from "node:fs";
import { getSystemErrorMessage } from "node:util";
import { TsmanError } from "../../errors/index.ts";

const maxBytes = 16 * 1024 * 1024;

/** Reads a text file that an option names. */
export function readOptionFile(path: string, option: string): string {
  try {
    if (statSync(path).size > maxBytes) {
      throw new TsmanError("USAGE", `read ${option} ${path}: larger than ${maxBytes} bytes`, {
        hint: "is it the right file?",
      });
    }
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof TsmanError) throw error;
    const errno = (error as NodeJS.ErrnoException).errno;
    const why = errno === undefined ? String(error) : getSystemErrorMessage(errno);
    throw new TsmanError("USAGE", `read ${option} ${path}: ${why}`, {
      hint: "give the path of a file that you can read",
      cause: error,
    });
  }
}
