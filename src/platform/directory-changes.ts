import { type FSWatcher, watch } from "node:fs";

/** Milliseconds after which {@link DirectoryChanges.next} resolves all the same. */
const longestSilence = 500;

/** Waits for changes in a directory; the death of a process that writes there is none. */
export class DirectoryChanges implements Disposable {
  readonly #watcher: FSWatcher;
  #wake: (() => void) | undefined;
  #hasChanged = false;

  constructor(directory: string) {
    this.#watcher = watch(directory, () => this.#notify());
    this.#watcher.on("error", () => this.#notify());
  }

  #notify(): void {
    this.#hasChanged = true;
    this.#wake?.();
  }

  /** Resolves when something has changed since the last call, or half a second later. */
  async next(): Promise<void> {
    if (!this.#hasChanged) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, longestSilence);
      this.#wake = resolve;
      await promise;
      clearTimeout(timer);
    }
    this.#hasChanged = false;
    this.#wake = undefined;
  }

  [Symbol.dispose](): void {
    this.#watcher.close();
  }
}
