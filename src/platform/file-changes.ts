import { type FSWatcher, watch } from "node:fs";
import path from "node:path";

/**
 * Tells when a file has changed, or has been replaced or rotated: inotify(7) on its directory.  What
 * changes between two calls of {@link next} is not lost.
 */
export class FileChanges implements Disposable {
  readonly #watcher: FSWatcher;
  readonly #signal: AbortSignal | undefined;
  #wake: (() => void) | undefined;
  #pending = false;

  /**
   * @param file what is watched; files whose names begin with its name (`FILE.1`) count too.
   * @throws Node's system errors, e.g. ENOENT when there is no such directory.
   */
  constructor(file: string, signal?: AbortSignal) {
    const name = path.basename(file);
    this.#watcher = watch(path.dirname(file), (_, changed) => {
      if (changed === null || changed.startsWith(name)) this.#notify();
    });
    // The directory is gone, say: whoever waits looks for himself.
    this.#watcher.on("error", this.#notify);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#notify, { once: true });
  }

  /** Waits for a change, an abort, or so many milliseconds. */
  next(atMost: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#pending = false;
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, atMost);
      if (this.#pending || this.#signal?.aborted === true) done();
      else this.#wake = done;
    });
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener("abort", this.#notify);
    this.#watcher.close();
  }

  readonly #notify = (): void => {
    this.#pending = true;
    this.#wake?.();
  };
}
