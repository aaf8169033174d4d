import type { ReadPart } from "./layer-toc.ts";

/** Bytes that are asked for at once, and stay in memory until they are used. */
const pieceBytes = 2 * 1024 * 1024;
/** Answers that are under way, or wait. */
const ahead = 3;

/**
 * Reads ranges of a blob, one after the other, each in pieces that are asked for some time before
 * they are needed: the registry is not waited for between one and the next.
 */
export class RangeQueue {
  readonly #read: ReadPart;
  readonly #pieces: { readonly start: number; readonly end: number }[] = [];
  readonly #waiting: Promise<Buffer>[] = [];

  /** @param ranges in the order in which they will be taken */
  constructor(ranges: readonly { readonly start: number; readonly end: number }[], read: ReadPart) {
    this.#read = read;
    for (const { start, end } of ranges) {
      for (let at = start; at < end; at += pieceBytes) {
        this.#pieces.push({ start: at, end: Math.min(at + pieceBytes, end) });
      }
    }
  }

  /**
   * The next range's bytes.
   *
   * @param length of the range
   * @throws what the reading throws
   */
  async *take(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      while (this.#waiting.length < ahead) {
        const piece = this.#pieces.shift();
        if (piece === undefined) break;
        const answer = this.#read(piece.start, piece.end);
        // Nobody may ever come to it.
        answer.catch(() => undefined);
        this.#waiting.push(answer);
      }
      const bytes = await this.#waiting.shift();
      if (bytes === undefined) return;
      left -= bytes.length;
      yield bytes;
    }
  }
}
