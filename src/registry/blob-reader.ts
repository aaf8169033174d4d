import { createHash, type Hash } from "node:crypto";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestFromHex } from "../oci/digest.ts";

/** The bytes of a blob from the beginning; called again where they have to be sent again. */
export type BlobOpener = () => AsyncIterable<Uint8Array>;

/** What fails at our end: no other attempt, and no other registry, makes it better. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}

/**
 * Pieces are cut to this length: a registry that takes none within the time allowed has stalled,
 * also on a line of a few kilobytes a second.
 */
const pieceBytes = 128 * 1024;

/**
 * Reads a blob that is to be sent, from any offset, and hashes it on the way.  What the registry
 * is given in the end is what its digest promises, or its upload is not completed.
 */
export class BlobReader implements AsyncDisposable {
  readonly #descriptor: Descriptor;
  readonly #open: BlobOpener;
  readonly #what: string;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #hash: Hash = createHash("sha256");
  /** Read and hashed, not taken yet. */
  #rest: Uint8Array = new Uint8Array();
  /** Of the next byte that {@link take} gives. */
  #offset = 0;
  #hasEnded = false;

  constructor(descriptor: Descriptor, open: BlobOpener, what: string) {
    this.#descriptor = descriptor;
    this.#open = open;
    this.#what = what;
  }

  /** Of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * Makes `offset` the next byte, from the start if it lies behind.
   *
   * @throws SourceError
   */
  async seek(offset: number): Promise<void> {
    if (offset < this.#offset || this.#iterator === undefined) await this.#restart();
    while (this.#offset < offset) {
      const piece = await this.#next(offset - this.#offset);
      if (piece === undefined) throw this.#wrongSize();
    }
  }

  /**
   * The next `length` bytes, in pieces.  With the last byte of the blob comes its verification.
   *
   * @throws SourceError whose cause is DIGEST_MISMATCH, SIZE_MISMATCH, or what the source threw
   */
  async *take(length: number): AsyncGenerator<Uint8Array, void> {
    for (let left = length; left > 0; ) {
      const piece = await this.#next(left);
      if (piece === undefined) throw this.#wrongSize();
      left -= piece.length;
      // Before the last piece goes out: a registry that gets fewer bytes than announced keeps none.
      if (this.#offset === this.#descriptor.size) await this.verify();
      yield piece;
    }
  }

  /**
   * Whether what was read is what the descriptor promises; to be asked at its end.
   *
   * @throws SourceError
   */
  async verify(): Promise<void> {
    const { digest, size } = this.#descriptor;
    if (this.#hasEnded) return;
    if (this.#offset !== size || (await this.#next(1)) !== undefined) throw this.#wrongSize();
    this.#hasEnded = true;
    const actual = digestFromHex(this.#hash.digest("hex"));
    if (actual === digest) return;
    throw sourceError(
      new TsmanError("DIGEST_MISMATCH", `${this.#what}: its bytes have digest ${actual}`, {
        hint: "the stored image is damaged: see tsman system check --repair, or pull it again",
        details: { expected: digest, actual },
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    await iterator?.return?.();
  }

  async #restart(): Promise<void> {
    await this[Symbol.asyncDispose]();
    const bytes = this.#open();
    // A generator is its own iterator: it goes on where it was left instead of beginning anew.
    this.#iterator = bytes[Symbol.asyncIterator]();
    this.#hash = createHash("sha256");
    this.#rest = new Uint8Array();
    this.#offset = 0;
    this.#hasEnded = false;
  }

  async #next(atMost: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      let result: IteratorResult<Uint8Array> | undefined;
      try {
        result = await this.#iterator?.next();
      } catch (error) {
        throw sourceError(error);
      }
      if (result === undefined || result.done === true) return undefined;
      this.#rest = result.value;
      this.#hash.update(result.value);
    }
    const piece = this.#rest.subarray(0, Math.min(atMost, pieceBytes));
    this.#rest = this.#rest.subarray(piece.length);
    this.#offset += piece.length;
    return piece;
  }

  #wrongSize(): SourceError {
    const { size } = this.#descriptor;
    return sourceError(
      new TsmanError(
        "SIZE_MISMATCH",
        `${this.#what}: it does not have the ${size} bytes promised`,
        {
          hint: "the stored image is damaged: see tsman system check --repair, or pull it again",
          details: { size },
        },
      ),
    );
  }
}

function sourceError(cause: unknown): SourceError {
  return new SourceError("the bytes to send cannot be had", { cause });
}
