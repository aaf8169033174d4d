import type { PartRange } from "../../oci/toc/layer-parts.ts";
import type { ReadPart } from "./layer-toc.ts";

/** Bytes that are asked for at once, and stay in memory until they are used. */
const pieceBytes = 2 * 1024 * 1024;
/** Answers that are under way, or wait. */
const ahead = 3;

interface Piece extends PartRange {
  readonly bytes: Promise<Buffer>;
}

/**
 * Reads ranges of a blob in order, in pieces that are asked for some time before they are needed:
 * the registry is not waited for between one and the next.
 */
export class RangeQueue {
  readonly #read: ReadPart;
  readonly #asked: PartRange[] = [];
  readonly #waiting: Piece[] = [];

  /** @param ranges in order, apart from each other */
  constructor(ranges: readonly PartRange[], read: ReadPart) {
    this.#read = read;
    for (const { start, end } of ranges) {
      for (let at = start; at < end; at += pieceBytes) {
        this.#asked.push({ start: at, end: Math.min(at + pieceBytes, end) });
      }
    }
    this.#asked.reverse();
  }

  /**
   * Bytes `start` to `end` (not included), which lie in one of the ranges and behind what was taken
   * before.
   *
   * @throws what the reading throws
   */
  async *take({ start, end }: PartRange): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const piece = this.#pieceAt(at);
      if (piece === undefined) throw new Error("a part of the blob that was not asked for");
      const bytes = await piece.bytes;
      const until = Math.min(piece.end, end);
      yield bytes.subarray(at - piece.start, until - piece.start);
      at = until;
    }
  }

  #pieceAt(offset: number): Piece | undefined {
    for (;;) {
      while (this.#waiting.length < ahead) {
        const range = this.#asked.pop();
        if (range === undefined) break;
        const bytes = this.#read(range.start, range.end);
        // Nobody may ever come to it.
        bytes.catch(() => undefined);
        this.#waiting.push({ ...range, bytes });
      }
      const [first] = this.#waiting;
      if (first === undefined || offset < first.end) return first;
      this.#waiting.shift();
    }
  }
}
