import { ftruncateSync, writeSync } from "node:fs";
import type { ContentLayout } from "./content-layout.ts";

/** What file systems keep apart: what is all zeros in there need not be there. */
const blockSize = 4096;
const zeros = Buffer.alloc(blockSize);

/**
 * Writes the content of a file that is empty and leaves out blocks of zeros: archives have no holes,
 * and a disk image of 10 GB may hold a few megabytes.
 */
export class SparseContent {
  readonly #fd: number;
  readonly #layout: ContentLayout | undefined;
  /** The segment that is written, and how much of it is. */
  #segment = 0;
  #written = 0;
  /** Where the next byte goes. */
  #size = 0;
  /** Where the last written byte ends. */
  #end = 0;

  /** @param layout where the bytes belong; missing: one after the other. */
  constructor(fd: number, layout?: ContentLayout) {
    this.#fd = fd;
    this.#layout = layout;
  }

  /** Takes the next bytes. */
  write(chunk: Buffer): void {
    if (this.#layout === undefined) {
      this.#append(chunk);
      return;
    }
    for (let at = 0; at < chunk.length; ) {
      const segment = this.#layout.segments[this.#segment];
      if (segment === undefined) throw new RangeError("there are more bytes than segments");
      const step = Math.min(chunk.length - at, segment.length - this.#written);
      this.#size = segment.offset + this.#written;
      this.#append(chunk.subarray(at, at + step));
      at += step;
      this.#written += step;
      if (this.#written < segment.length) continue;
      this.#segment += 1;
      this.#written = 0;
    }
  }

  #append(chunk: Buffer): void {
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
    this.#size = this.#layout?.size ?? this.#size;
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
