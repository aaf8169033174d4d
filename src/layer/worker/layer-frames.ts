import type { Readable } from "node:stream";

const headBytes = 4;

/**
 * Takes the worker's standard input apart: worker-protocol.ts.
 *
 * Not a stream for each layer: whoever reads a layer may stop early, and the next one has to begin
 * at the right byte.
 */
export class LayerFrames {
  readonly #input: AsyncIterator<Buffer>;
  #buffered: Buffer = Buffer.alloc(0);
  /** Bytes of the open frame that are still to come. */
  #open = 0;
  #isAtEnd = true;

  /** @param stream in which one layer comes after the other */
  constructor(stream: Readable) {
    this.#input = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /**
   * The request with which the next layer begins; undefined when there is none.
   *
   * @throws Error when it is longer than `maxBytes`, or the stream ends in it
   */
  async begin(maxBytes: number): Promise<Buffer | undefined> {
    if (this.#buffered.length === 0 && !(await this.#fill())) return undefined;
    const length = await this.#head();
    if (length > maxBytes) throw new Error(`a request of ${length} bytes`);
    await this.#need(length);
    this.#isAtEnd = false;
    return this.#take(length);
  }

  /**
   * The next bytes of the layer; undefined at its end.
   *
   * @throws Error when the stream ends before the layer does: the other side is gone
   */
  async read(): Promise<Buffer | undefined> {
    if (this.#isAtEnd) return undefined;
    if (this.#open === 0) {
      this.#open = await this.#head();
      if (this.#open === 0) {
        this.#isAtEnd = true;
        return undefined;
      }
    }
    if (this.#buffered.length === 0) await this.#need(1);
    const piece = this.#take(Math.min(this.#open, this.#buffered.length));
    this.#open -= piece.length;
    return piece;
  }

  async #head(): Promise<number> {
    await this.#need(headBytes);
    return this.#take(headBytes).readUInt32BE();
  }

  #take(length: number): Buffer {
    const taken = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return taken;
  }

  async #need(length: number): Promise<void> {
    while (this.#buffered.length < length) {
      if (!(await this.#fill())) throw new Error("the input ended within a layer");
    }
  }

  async #fill(): Promise<boolean> {
    const { done, value } = await this.#input.next();
    if (done === true) return false;
    this.#buffered = this.#buffered.length === 0 ? value : Buffer.concat([this.#buffered, value]);
    return true;
  }
}
