import { TsmanError } from "../../errors/index.ts";
import type { Container } from "./types.ts";

/** The containers that go with an instance of the library, those that are being started included. */
export class OwnedContainers implements AsyncDisposable {
  readonly #containers = new Set<Container>();
  readonly #starts = new Set<Promise<unknown>>();
  /** Missing: nothing was started yet.  Node takes a millisecond to make its first one. */
  #closing: AbortController | undefined;
  #isClosed = false;

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
    if (this.#isClosed) throw isOver();
    this.#closing ??= new AbortController();
    const own = this.#closing.signal;
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
    this.#isClosed = true;
    this.#closing?.abort(isOver());
    await Promise.allSettled(this.#starts);
    await using stack = new AsyncDisposableStack();
    for (const container of this.#containers) stack.use(container);
  }
}

function isOver(): TsmanError {
  return new TsmanError("INTERRUPTED", "run containers: the instance of tsman was disposed of");
}
