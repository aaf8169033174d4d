import { FileChanges } from "./file-changes.ts";
import { type OpenFile, RotatedFiles } from "./rotated-files.ts";

/** Which lines of a rotated file are read, and for how long. */
export interface RotatedLinesOptions {
  /** Begin after what the file holds now; missing: with the oldest line there is. */
  readonly fromEnd?: boolean | undefined;
  /** Begin there, if that file is still there. */
  readonly from?: Pick<PlacedLine, "inode" | "offset"> | undefined;
  /** At the end wait for more; missing: return. */
  readonly follow?: boolean | undefined;
  /** While following, at the end of the file: whether nothing more can come. */
  readonly isOver?: (() => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which `isOver` is asked though the file has not changed. */
  readonly interval?: number | undefined;
}

/** A line and where it stands: its bytes are valid until the next one is asked for. */
export interface PlacedLine {
  readonly bytes: Uint8Array;
  /** Inode of its file. */
  readonly inode: bigint;
  /** Offset of its first byte. */
  readonly offset: number;
}

const chunkSize = 256 * 1024;
const newline = 0x0a;
/** For what changes no file, such as the kill -9 of a writer. */
const defaultInterval = 1000;

/**
 * The lines of a file that is rotated by renaming (`FILE` → `FILE.1` → `FILE.2` …), oldest first,
 * each once, without the newline; an unfinished last line is not given.  A rotation meanwhile loses
 * nothing, as long as the file that was being read is still there.
 */
export async function* rotatedLines(
  file: string,
  options: RotatedLinesOptions = {},
): AsyncGenerator<PlacedLine> {
  // Before the first look: what is written after it wakes us.
  using changes = options.follow === true ? watchFor(file, options.signal) : undefined;
  await using reader = new RotatedReader(file);
  await reader.open(options);
  const isAborted = (): boolean => options.signal?.aborted === true;
  for (;;) {
    // Asked before reading: what was written before the end is then read for certain.
    const isOver = changes === undefined || (options.isOver?.() ?? false);
    yield* reader.available();
    if (isOver || isAborted()) return;
    await changes.next(options.interval ?? defaultInterval);
    if (isAborted()) return;
  }
}

function watchFor(file: string, signal: AbortSignal | undefined): FileChanges | undefined {
  try {
    return new FileChanges(file, signal);
  } catch {
    // No such directory: there is nothing to wait for.
    return undefined;
  }
}

/** Files that are read one after the other; the last one is the one that grows. */
class RotatedReader implements AsyncDisposable {
  readonly #files: RotatedFiles;
  #current: OpenFile | undefined;
  /** Open already while the end of the current one is read. */
  #next: OpenFile | undefined;
  #position = 0;

  constructor(file: string) {
    this.#files = new RotatedFiles(file);
  }

  async open({ fromEnd = false, from }: RotatedLinesOptions): Promise<void> {
    if (fromEnd) {
      this.#current = await this.#files.newest();
      this.#position = (await this.#current?.handle.stat())?.size ?? 0;
      return;
    }
    this.#current = await this.#files.oldest();
    if (from === undefined) return;
    while (this.#current !== undefined && this.#current.inode !== from.inode) {
      await this.#become(await this.#files.younger(this.#current));
    }
    if (this.#current === undefined) this.#current = await this.#files.oldest();
    else this.#position = from.offset;
  }

  /** Whole lines that are there now. */
  async *available(): AsyncGenerator<PlacedLine> {
    for (;;) {
      this.#current ??= await this.#files.oldest();
      const current = this.#current;
      if (current === undefined) return;
      yield* this.#linesOf(current);
      const next = await this.#files.younger(current);
      if (next === undefined) return;
      this.#next = next;
      // What came between our reading and the rotation.
      yield* this.#linesOf(current);
      this.#next = undefined;
      await this.#become(next);
    }
  }

  async #become(next: OpenFile | undefined): Promise<void> {
    const done = this.#current;
    this.#current = next;
    this.#position = 0;
    await done?.handle.close();
  }

  async *#linesOf({ handle, inode }: OpenFile): AsyncGenerator<PlacedLine> {
    let buffer = Buffer.allocUnsafe(chunkSize);
    let filled = 0;
    for (;;) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const room = buffer.length - filled;
      const { bytesRead } = await handle.read(buffer, filled, room, this.#position + filled);
      if (bytesRead === 0) return;
      filled += bytesRead;
      let start = 0;
      for (;;) {
        const end = buffer.subarray(0, filled).indexOf(newline, start);
        if (end < 0) break;
        const line = { bytes: buffer.subarray(start, end), inode, offset: this.#position };
        this.#position += end + 1 - start;
        start = end + 1;
        yield line;
      }
      buffer.copy(buffer, 0, start, filled);
      filled -= start;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.handle.close();
    await this.#next?.handle.close();
  }
}
