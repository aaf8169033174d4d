import { closeSync, write } from "node:fs";
import { promisify } from "node:util";
import { toFileError } from "../platform/errno.ts";
import { readRange } from "../platform/read-range.ts";

const writeTo = promisify(write);

/** Bytes on their way in a temporary file: first written, then read. */
export class Spool implements Disposable {
  readonly #fd: number;
  readonly #name: string;
  #size = 0;

  /**
   * @param fd an empty file, for reading and writing; closed with this
   * @param name what passes through, for messages
   */
  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      for (let from = 0; from < chunk.length; ) {
        const length = chunk.length - from;
        const { bytesWritten } = await writeTo(this.#fd, chunk, from, length, this.#size);
        from += bytesWritten;
        this.#size += bytesWritten;
      }
    } catch (error) {
      throw toFileError(error, `keep a part of ${this.#name}`);
    }
  }

  read(): AsyncIterable<Uint8Array> {
    return readRange(this.#fd, { start: 0 });
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
