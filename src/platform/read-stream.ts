import { closeSync } from "node:fs";
import { isErrno } from "./errno.ts";
import { endOnAbort, openOwnPipe } from "./own-pipe.ts";
import { readRange } from "./read-range.ts";

/**
 * The bytes that come from a descriptor: a pipe, a socket, a device, or a file from where it is.
 *
 * @param fd closed in the end, however that comes
 * @throws Node's system errors; the signal's reason
 */
export async function* readStream(
  fd: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer> {
  const pipe = openOwnPipe(fd, "read");
  try {
    if (pipe === undefined) {
      yield* readRange(fd, { signal });
      return;
    }
    using _ending = endOnAbort(pipe, signal);
    yield* pipe as AsyncIterable<Buffer>;
  } finally {
    pipe?.destroy();
    closeQuietly(fd);
  }
}

/** The pipe may have been this very descriptor, which goes with it. */
function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    if (!isErrno(error, "EBADF")) throw error;
  }
}
