import { write } from "node:fs";
import type { Socket } from "node:net";
import { promisify } from "node:util";
import { endOnAbort, openOwnPipe } from "./own-pipe.ts";

const writeTo = promisify(write);

/** Writes to a descriptor in order, however slowly somebody reads. */
export class StreamWriter implements AsyncDisposable {
  readonly #fd: number;
  readonly #pipe: Socket | undefined;
  readonly #ending: Disposable | undefined;

  /** @param fd stays open, unless it is a socket */
  constructor(fd: number, signal: AbortSignal | undefined) {
    this.#fd = fd;
    this.#pipe = openOwnPipe(fd, "write");
    // Each write says itself what was wrong.
    this.#pipe?.on("error", () => undefined);
    this.#ending = this.#pipe && endOnAbort(this.#pipe, signal);
  }

  /** @throws Node's system errors; the signal's reason */
  async write(chunk: Uint8Array): Promise<void> {
    const pipe = this.#pipe;
    if (pipe !== undefined) {
      await new Promise<void>((resolve, reject) => {
        pipe.write(chunk, (error) => (error ? reject(pipe.errored ?? error) : resolve()));
      });
      return;
    }
    for (let from = 0; from < chunk.length; ) {
      from += (await writeTo(this.#fd, chunk, from)).bytesWritten;
    }
  }

  /** What was written is the kernel's by now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending?.[Symbol.dispose]();
    this.#pipe?.destroy();
  }
}
