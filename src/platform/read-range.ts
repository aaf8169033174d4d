import { read } from "node:fs";
import { promisify } from "node:util";

const readFrom = promisify(read);

/** Bytes of one step. */
const chunkBytes = 1024 * 1024;

/** Which bytes {@link readRange} reads. */
export interface ByteRange {
  /** Missing: from where the descriptor is, as of a device. */
  readonly start?: number | undefined;
  /** Missing: to the end of the file. */
  readonly size?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes of a descriptor that stays open, also when the reader stops: Node's own streams close it
 * then, whatever they were told.
 *
 * @throws Node's system errors; the signal's reason
 */
export async function* readRange(fd: number, range: ByteRange): AsyncGenerator<Buffer> {
  const { start, size = Number.POSITIVE_INFINITY, signal } = range;
  for (let at = 0; at < size; ) {
    signal?.throwIfAborted();
    const length = Math.min(chunkBytes, size - at);
    const position = start === undefined ? null : start + at;
    const { bytesRead, buffer } = await readFrom(
      fd,
      Buffer.allocUnsafe(length),
      0,
      length,
      position,
    );
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
