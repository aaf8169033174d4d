import { existsSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Milliseconds until what is waited for counts as not coming: no measure of speed, since machines
 * are slow and share their processors; less than a test has, so that this is what is told.
 */
export const patience = 60_000;

/** Rejects with a message that says what was waited for. */
export async function within<T>(
  milliseconds: number,
  what: string,
  promise: Promise<T>,
): Promise<T> {
  const over = new AbortController();
  try {
    return await Promise.race([
      promise,
      delay(milliseconds, undefined, { signal: over.signal }).then(() => {
        throw new Error(`waited ${milliseconds} ms for ${what}`);
      }),
    ]);
  } finally {
    over.abort();
  }
}

/** Resolves when the path exists. */
export async function fileAppears(path: string, milliseconds = patience): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === basename(path) || existsSync(path)) resolve();
  });
  watcher.on("error", reject);
  try {
    // Only now: it may have appeared before we watched.
    if (existsSync(path)) return;
    await within(milliseconds, `${path} to appear`, promise);
  } finally {
    watcher.close();
  }
}

/**
 * Asks again and again until the answer is not undefined.  Only for what announces no event, such
 * as files of /proc and state of the network.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  milliseconds = patience,
): Promise<T> {
  const end = performance.now() + milliseconds;
  for (;;) {
    const asked = performance.now();
    const answer = await ask();
    if (answer !== undefined) return answer;
    const now = performance.now();
    if (now > end) throw new Error(`waited ${milliseconds} ms for ${what}`);
    // To ask by a command costs more than what is waited for gets.
    await delay(Math.max(5, now - asked));
  }
}

/** What a stream said so far, and a way to wait for what it will say. */
export class Transcript {
  #chunks: Buffer[] = [];
  #ended = false;
  readonly #waiting = new Set<() => void>();

  constructor(stream: Readable) {
    stream.on("data", (chunk: Buffer | string) => {
      this.#chunks.push(Buffer.from(chunk));
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    stream.on("end", end);
    stream.on("close", end);
    // A pseudo-terminal whose other side has closed gives EIO (pty(7)); that is its end.
    stream.on("error", end);
  }

  get bytes(): Buffer {
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  get text(): string {
    return this.bytes.toString("utf8");
  }

  /** Resolves with the text once it matches. */
  async until(pattern: RegExp | string, milliseconds = patience): Promise<string> {
    const matches = (text: string) =>
      typeof pattern === "string" ? text.includes(pattern) : pattern.test(text);
    const waitForIt = async (): Promise<string> => {
      while (!matches(this.text)) {
        if (this.#ended) throw new Error(`the stream ended without ${pattern}: ${this.text}`);
        await new Promise<void>((resolve) => this.#waiting.add(resolve));
      }
      return this.text;
    };
    return await within(milliseconds, `${pattern} in ${JSON.stringify(this.text)}`, waitForIt());
  }

  /** Resolves with everything at the end of the stream. */
  async end(): Promise<Buffer> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiting.add(resolve));
    return this.bytes;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
