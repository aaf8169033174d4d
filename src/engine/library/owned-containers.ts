import { TsmanError } from "../../errors/index.ts";
import type { Container } from "./types.ts";

/** The containers that go with an instance of the library, those that are being started included. */
export class OwnedContainers implements AsyncDisposable {
  readonly #containers = new Set<Container>();
  readonly #starts = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  add(container: Container): void {
    this.#containers.add(container);
  }

  delete(container: Container): void {
    this.#containers.delete(container);
  }

  /**
   * Does the work of a start, which the end of the instance interrupts and waits for.
   *
   * @param work gets what interrupts it, the caller's own signal among that.
   */
  async starting<T>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const own = this.#closing.signal;
    own.throwIfAborted();
    const working = work(signal === undefined ? own : AbortSignal.any([signal, own]));
    this.#starts.add(working);
    try {
      return await working;
    } finally {
      this.#starts.delete(working);
    }
  }

  /** Ends and removes all of them; nothing can be started any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new TsmanError("INTERRUPTED", "run containers: the instance of tsman was disposed of"),
    );
    await Promise.allSettled(this.#starts);
    await using stack = new AsyncDisposableStack();
    for (const container of this.#containers) stack.use(container);
  }
}
