import type { FileHandle } from "node:fs/promises";

/** A line and the offset of its first byte in its file. */
export interface BackwardLine {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

const chunkSize = 64 * 1024;
const newline = 0x0a;

/** The whole lines of a file, the last one first, without newlines; an unfinished one is left out. */
export async function* linesBackward(handle: FileHandle): AsyncGenerator<BackwardLine> {
  let position = (await handle.stat()).size;
  /** From `position` on: the beginning of a line, through its newline, or nothing yet. */
  let rest: Buffer = Buffer.alloc(0);
  while (position > 0) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkSize, position));
    position -= chunk.length;
    await readFully(handle, chunk, position);
    const block = Buffer.concat([chunk, rest]);
    let end = rest.length > 0 ? block.length - 1 : block.lastIndexOf(newline);
    // Still within the unfinished last line.
    if (end < 0) continue;
    for (;;) {
      // A negative offset would count from the end.
      const before = end === 0 ? -1 : block.lastIndexOf(newline, end - 1);
      if (before < 0) break;
      yield { bytes: block.subarray(before + 1, end), offset: position + before + 1 };
      end = before;
    }
    rest = block.subarray(0, end + 1);
  }
  if (rest.length > 0) yield { bytes: rest.subarray(0, -1), offset: 0 };
}

async function readFully(handle: FileHandle, into: Buffer, position: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const room = into.length - filled;
    const { bytesRead } = await handle.read(into, filled, room, position + filled);
    // Cut meanwhile: what is missing is no line.
    if (bytesRead === 0) {
      into.fill(0, filled);
      return;
    }
    filled += bytesRead;
  }
}
