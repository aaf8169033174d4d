import { type FileHandle, open } from "node:fs/promises";
import { FileChanges } from "./file-changes.ts";

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

/** All files of a rotated one that exist, opened, the oldest first. */
export async function openRotated(file: string): Promise<OpenFile[]> {
  const files: OpenFile[] = [];
  // From the newest on: what is rotated meanwhile is met again, and left out, instead of missed.
  for (let n = 0; ; n += 1) {
    const opened = await openFile(n === 0 ? file : `${file}.${n}`);
    // The file itself may be missing for the moment between two names.
    if (opened === undefined && n > 0) break;
    if (opened === undefined) continue;
    if (files.some(({ inode }) => inode === opened.inode)) await opened.handle.close();
    else files.unshift(opened);
  }
  return files;
}

/** A file with what makes it itself. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
}

async function openFile(file: string): Promise<OpenFile | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  const { ino } = await handle.stat({ bigint: true });
  return { handle, inode: ino };
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
  readonly #file: string;
  #files: OpenFile[] = [];
  #position = 0;

  constructor(file: string) {
    this.#file = file;
  }

  async open({ fromEnd = false, from }: RotatedLinesOptions): Promise<void> {
    this.#files = await openRotated(this.#file);
    if (fromEnd) {
      while (this.#files.length > 1) await this.#next();
      this.#position = (await this.#files[0]?.handle.stat())?.size ?? 0;
    } else if (this.#files.some(({ inode }) => inode === from?.inode)) {
      while (this.#files[0]?.inode !== from?.inode) await this.#next();
      this.#position = from?.offset ?? 0;
    }
  }

  /** Whole lines that are there now. */
  async *available(): AsyncGenerator<PlacedLine> {
    for (;;) {
      const [current] = this.#files;
      if (current !== undefined) yield* this.#linesOf(current);
      if (this.#files.length > 1) await this.#next();
      else if (await this.#findNewer()) {
        // What came between our reading and the rotation.
        if (current !== undefined) yield* this.#linesOf(current);
        if (current !== undefined) await this.#next();
      } else return;
    }
  }

  async #next(): Promise<void> {
    const done = this.#files.shift();
    this.#position = 0;
    await done?.handle.close();
  }

  /** Whether there are files younger than the current one; they are queued then. */
  async #findNewer(): Promise<boolean> {
    const [current] = this.#files;
    const all = await openRotated(this.#file);
    const at = all.findIndex(({ inode }) => inode === current?.inode);
    // Without ours among them it was deleted: all that is there is younger.
    for (const old of all.slice(0, at + 1)) await old.handle.close();
    const newer = all.slice(at + 1);
    this.#files.push(...newer);
    return newer.length > 0;
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
    for (const { handle } of this.#files) await handle.close();
  }
}
