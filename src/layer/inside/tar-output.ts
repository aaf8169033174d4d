import { writeSync } from "node:fs";
import { isErrno } from "../../platform/errno.ts";

const bufferSize = 256 * 1024;

/**
 * Writes an archive to a descriptor: small pieces together, in one thread, at the reader's pace, so
 * that memory stays bounded however large the archive is.
 */
export class TarOutput {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafe(bufferSize);
  #filled = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (bytes.length > bufferSize - this.#filled) this.flush();
    if (bytes.length > bufferSize) {
      this.#writeAll(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  flush(): void {
    this.#writeAll(this.#buffer.subarray(0, this.#filled));
    this.#filled = 0;
  }

  #writeAll(bytes: Uint8Array): void {
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(this.#fd, bytes, written);
      } catch (error) {
        // The caller's own pipe may be in non-blocking mode.
        if (!isErrno(error, "EAGAIN")) throw error;
        Atomics.wait(sleeper, 0, 0, 2);
      }
    }
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
