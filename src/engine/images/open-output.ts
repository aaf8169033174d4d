import { closeSync, openSync, statSync } from "node:fs";
import path from "node:path";
import { isErrno, toGivenFileError } from "../../platform/errno.ts";
import { StreamWriter } from "../../platform/stream-writer.ts";
import { makeUnnamedFile } from "../../platform/unnamed-file.ts";
import { ArchiveOutput } from "../../transport/archive-output.ts";
import type { EngineContext } from "../context.ts";

/**
 * Opens a tar archive for writing.  A new file has no name before it is complete, one that is there
 * stays until then; what is no regular file (a pipe, a device) is written to as it comes.
 *
 * @param target a path, or a descriptor, which stays open
 * @param name as messages name it
 * @throws TsmanError PREFLIGHT_STORAGE, DISK_FULL
 */
export function openArchiveOutput(
  context: EngineContext,
  target: string | number,
  name: string,
  signal: AbortSignal | undefined,
): ArchiveOutput {
  const openSpool = () => context.store.blobs.openSpool();
  const toStream = (fd: number, close: () => void): ArchiveOutput => {
    const writer = new StreamWriter(fd, signal);
    return new ArchiveOutput({
      name,
      target: writer,
      openSpool,
      publish: async () => undefined,
      dispose: async () => {
        await writer[Symbol.asyncDispose]();
        close();
      },
    });
  };
  try {
    if (typeof target === "number") return toStream(target, () => undefined);
    if (!isOrdinary(target)) {
      const fd = openSync(target, "w");
      return toStream(fd, () => closeSync(fd));
    }
    const file = makeUnnamedFile(path.resolve(target), 0o644);
    return new ArchiveOutput({
      name,
      target: { fd: file.fd },
      openSpool,
      publish: async () => await file.publish(),
      dispose: () => file[Symbol.dispose](),
    });
  } catch (error) {
    throw toGivenFileError(error, `write ${name}`, "write");
  }
}

/** Whether the path is free or has a regular file. */
function isOrdinary(target: string): boolean {
  try {
    return statSync(target).isFile();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    throw error;
  }
}
