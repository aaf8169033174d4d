import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { maxConfigBytes } from "../../oci/runtime-config.ts";
import { readSmallFile } from "../../platform/atomic-file.ts";
import { toGivenFileError } from "../../platform/errno.ts";

/**
 * Reads a document that the caller names: a configuration, or a part of one.  Nobody waits for the
 * writer of a fifo.
 *
 * @throws TsmanError CONFIG_INVALID when it is no regular file, or too large; PREFLIGHT_STORAGE
 */
export function readGivenDocument(file: string): Uint8Array {
  try {
    return readSmallFile(file, maxConfigBytes);
  } catch (error) {
    if (!isTsmanError(error)) throw toGivenFileError(error, `read ${file}`, "read");
    throw new TsmanError("CONFIG_INVALID", error.message, {
      hint: "name a file that holds the document itself",
      cause: error,
    });
  }
}
