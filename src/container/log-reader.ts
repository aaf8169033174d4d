import { watch } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { LogLine } from "./log-line.ts";
import { parseLogLine } from "./log-line.ts";

/** Which lines {@link readLog} gives. */
export interface LogOptions {
  /** Only the last n lines; missing: all. */
  readonly tail?: number | undefined;
  /** Only lines at or after this time. */
  readonly since?: Date | undefined;
  /** Only lines before this time. */
  readonly until?: Date | undefined;
  /** Go on until `isOver()` says that nothing more can come. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const chunkSize = 256 * 1024;
const newline = 0x0a;

/**
 * Yields a container's log, oldest line first, across rotated files (`PATH.N` … `PATH.1`, `PATH`).
 *
 * @param isOver asked when the end of the file is reached while following.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  isOver: () => boolean,
): AsyncGenerator<LogLine> {
  const wanted = (line: LogLine): boolean => isWithin(line, options);
  if (options.tail !== undefined) {
    yield* lastLines(path, options.tail, wanted);
    if (!options.follow) return;
    yield* followFile(path, await fileSize(path), options, isOver, wanted);
    return;
  }
  for (const rotated of await rotatedFiles(path)) {
    for await (const line of linesOf(rotated)) if (wanted(line)) yield line;
  }
  if (options.follow) yield* followFile(path, 0, options, isOver, wanted);
  else for await (const line of linesOf(path)) if (wanted(line)) yield line;
}

function isWithin(line: LogLine, options: LogOptions): boolean {
  if (options.since === undefined && options.until === undefined) return true;
  const time = Date.parse(line.time);
  if (options.since !== undefined && time < options.since.getTime()) return false;
  return options.until === undefined || time < options.until.getTime();
}

async function* lastLines(
  path: string,
  count: number,
  wanted: (line: LogLine) => boolean,
): AsyncGenerator<LogLine> {
  if (count === 0) return;
  const ring: LogLine[] = [];
  for (const file of [...(await rotatedFiles(path)), path]) {
    for await (const line of linesOf(file)) {
      if (!wanted(line)) continue;
      // The reader's chunk is reused: a line that is kept needs its own bytes.
      ring.push({ ...line, text: Uint8Array.from(line.text) });
      if (ring.length > count) ring.shift();
    }
  }
  yield* ring;
}

/** Oldest first. */
async function rotatedFiles(path: string): Promise<string[]> {
  const files: string[] = [];
  for (let n = 1; ; n += 1) {
    const handle = await open(`${path}.${n}`).catch(() => undefined);
    if (handle === undefined) return files;
    await handle.close();
    files.unshift(`${path}.${n}`);
  }
}

async function fileSize(path: string): Promise<number> {
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return 0;
  try {
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}

async function* linesOf(path: string): AsyncGenerator<LogLine> {
  const handle = await open(path).catch(() => undefined);
  if (handle === undefined) return;
  try {
    yield* new LineCursor(handle, 0).available();
  } finally {
    await handle.close();
  }
}

async function* followFile(
  path: string,
  from: number,
  options: LogOptions,
  isOver: () => boolean,
  wanted: (line: LogLine) => boolean,
): AsyncGenerator<LogLine> {
  const changes = new FileChanges(path, options.signal);
  let handle = await open(path).catch(() => undefined);
  try {
    let cursor = handle === undefined ? undefined : new LineCursor(handle, from);
    while (!options.signal?.aborted) {
      // Asked before reading: what was written before the end is then read for certain.
      const over = isOver();
      if (cursor !== undefined) {
        for await (const line of cursor.available()) if (wanted(line)) yield line;
      }
      const rotated = await replacedFile(path, handle);
      if (rotated !== undefined) {
        await handle?.close();
        handle = rotated;
        cursor = new LineCursor(rotated, 0);
        continue;
      }
      if (over) return;
      await changes.next();
    }
  } finally {
    changes.close();
    await handle?.close();
  }
}

/** The new file if the one behind `handle` has been rotated away, else undefined. */
async function replacedFile(
  path: string,
  handle: FileHandle | undefined,
): Promise<FileHandle | undefined> {
  const now = await open(path).catch(() => undefined);
  if (now === undefined) return undefined;
  if (handle !== undefined) {
    const [before, after] = await Promise.all([handle.stat(), now.stat()]);
    if (before.ino === after.ino && before.dev === after.dev) {
      await now.close();
      return undefined;
    }
  }
  return now;
}

/** Reads complete lines from a position on; a line without newline waits for its rest. */
class LineCursor {
  readonly #handle: FileHandle;
  #position: number;

  constructor(handle: FileHandle, position: number) {
    this.#handle = handle;
    this.#position = position;
  }

  async *available(): AsyncGenerator<LogLine> {
    let buffer = Buffer.allocUnsafe(chunkSize);
    let filled = 0;
    for (;;) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const { bytesRead } = await this.#handle.read(
        buffer,
        filled,
        buffer.length - filled,
        this.#position + filled,
      );
      if (bytesRead === 0) return;
      filled += bytesRead;
      let start = 0;
      for (
        let end = buffer.indexOf(newline, start);
        end >= 0 && end < filled;
        end = buffer.indexOf(newline, start)
      ) {
        const line = parseLogLine(buffer.subarray(start, end));
        start = end + 1;
        if (line !== undefined) yield line;
      }
      buffer.copy(buffer, 0, start, filled);
      this.#position += start;
      filled -= start;
    }
  }
}

/** A monitor that was killed changes no file: ask again after this time (milliseconds). */
const livenessInterval = 1000;

/** Waits for the log or its directory to change (inotify through fs.watch), or for an abort. */
class FileChanges {
  readonly #watcher;
  #wake: (() => void) | undefined;
  #pending = false;

  constructor(path: string, signal: AbortSignal | undefined) {
    const directory = path.slice(0, path.lastIndexOf("/"));
    this.#watcher = watch(directory, () => this.#notify());
    this.#watcher.on("error", () => this.#notify());
    signal?.addEventListener("abort", () => this.#notify(), { once: true });
  }

  #notify(): void {
    this.#pending = true;
    this.#wake?.();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(), livenessInterval);
      const done = (): void => {
        clearTimeout(timer);
        this.#pending = false;
        this.#wake = undefined;
        resolve();
      };
      if (this.#pending) done();
      else this.#wake = done;
    });
  }

  close(): void {
    this.#watcher.close();
  }
}
