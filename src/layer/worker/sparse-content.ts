import { ftruncateSync, writeSync } from "node:fs";

/** What file systems keep apart: what is all zeros in there need not be there. */
const blockSize = 4096;
const zeros = Buffer.alloc(blockSize);

/**
 * Writes the content of a file that is empty, from its beginning, and leaves out blocks of zeros:
 * archives have no holes, and a disk image of 10 GB may hold a few megabytes.
 */
export class SparseContent {
  readonly #fd: number;
  /** Bytes taken so far. */
  #size = 0;
  /** Where the last written byte ends. */
  #end = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Takes the next bytes. */
  write(chunk: Buffer): void {
    const { length } = chunk;
    let start = 0;
    let at = 0;
    // Blocks of the file, not of the chunk, the first and last of which may be parts of one.
    let next = blockSize - (this.#size % blockSize);
    while (at < length) {
      const end = Math.min(next, length);
      // Most blocks that are not all zeros say so in their first or last byte, which costs no call.
      if (chunk[at] === 0 && chunk[end - 1] === 0 && isZero(chunk, at, end)) {
        this.#put(chunk, start, at);
        start = end;
      }
      at = end;
      next += blockSize;
    }
    this.#put(chunk, start, length);
    this.#size += length;
  }

  /** Says that this was all: a hole at the end is part of the file too. */
  finish(): void {
    if (this.#end < this.#size) ftruncateSync(this.#fd, this.#size);
  }

  #put(chunk: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      at += writeSync(this.#fd, chunk, at, end - at, this.#size + at);
    }
    if (end > start) this.#end = this.#size + end;
  }
}

function isZero(chunk: Buffer, start: number, end: number): boolean {
  return chunk.compare(zeros, 0, end - start, start, end) === 0;
}
