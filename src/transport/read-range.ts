import { read } from "node:fs";
import { promisify } from "node:util";
import { chunkBytes } from "./image-files.ts";

const readFrom = promisify(read);

/** Which bytes {@link readRange} reads. */
export interface ByteRange {
  /** Missing: from where the descriptor is, as of a pipe. */
  readonly start?: number | undefined;
  /** Missing: to the end of the file. */
  readonly size?: number | undefined;
}

/**
 * Bytes of a descriptor that stays open, also when the reader stops: Node's own streams close it
 * then, whatever they were told.
 *
 * @throws Node's system errors
 */
export async function* readRange(fd: number, { start, size }: ByteRange): AsyncGenerator<Buffer> {
  const end = size ?? Number.POSITIVE_INFINITY;
  for (let at = 0; at < end; ) {
    const length = Math.min(chunkBytes, end - at);
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
