import { createHash } from "node:crypto";
import { closeSync, readFileSync, readSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isErrno } from "../platform/errno.ts";
import { openFileBeneath } from "../platform/open-in-root.ts";
import { readRange } from "../platform/read-range.ts";

/** A file that a layer is said to have. */
export interface LayerContent {
  /** Of its content, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** As the layer's archive has it, without control characters. */
  readonly name: string;
}

/** Where a content is said to be. */
export interface ContentPlace extends LayerContent {
  /** The layer's files. */
  readonly directory: string;
}

/** Places that are looked at for one content. */
const maxPlaces = 3;
/** Files that are read at once. */
const smallBytes = 256 * 1024;
/** Of a note; a table of contents may claim any number of files. */
const maxNoteBytes = 4 * 1024 * 1024;
const newline = 0x0a;

/**
 * Notes what the table of contents of a layer has said, beside the layer's files, with which it
 * goes: a line for each file, `SHA256 SIZE NAME`.  Nobody has compared it with the files.
 *
 * @param directory the layer's files
 * @param contents as many as a note has room for are noted
 */
export function writeLayerContents(directory: string, contents: Iterable<LayerContent>): void {
  const lines: Buffer[] = [];
  let length = 0;
  for (const { sha256, size, name } of contents) {
    const line = Buffer.from(`${sha256} ${size} ${name}\n`);
    length += line.length;
    if (length > maxNoteBytes) break;
    lines.push(line);
  }
  writeFileSync(noteOf(directory), Buffer.concat(lines), { mode: 0o600 });
}

/**
 * Places where contents are said to be.
 *
 * @param directories of layers
 * @param wanted 64 hexadecimal digits each
 * @returns a list for each of `wanted`, which may be empty
 */
export function findContents(
  directories: readonly string[],
  wanted: readonly string[],
): readonly (readonly ContentPlace[])[] {
  // Not a Map: whoever made the image has chosen what would be its keys (see toc-scanner.ts).
  const order = wanted.map((sha256, index) => ({ sha256, index }));
  order.sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const places: ContentPlace[][] = wanted.map(() => []);
  for (const directory of directories) {
    for (const content of readLayerContents(directory)) {
      for (const index of indexesOf(order, content.sha256)) {
        const found = places[index];
        if (found !== undefined && found.length < maxPlaces) found.push({ ...content, directory });
      }
    }
  }
  return places;
}

/** Whether a layer has such a note. */
export function hasLayerContents(directory: string): boolean {
  return (statSync(noteOf(directory), { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Whether a file has the content that it is said to have; undefined where it cannot be read.
 *
 * @throws the signal's reason
 */
export async function isContentAt(
  place: ContentPlace,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (place.size <= smallBytes) {
    signal.throwIfAborted();
    return isSmallContentAt(place);
  }
  const hash = createHash("sha256");
  try {
    for await (const chunk of readContent(place, place.size, signal)) hash.update(chunk);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  return hash.digest("hex") === place.sha256;
}

/** Of many small files, waiting for each would take longer than reading it. */
function isSmallContentAt({ directory, name, size, sha256 }: ContentPlace): boolean | undefined {
  const fd = openFileBeneath(directory, pathOf(name), size);
  if (fd === undefined) return undefined;
  try {
    const bytes = Buffer.allocUnsafe(size);
    if (readSync(fd, bytes, 0, size, 0) !== size) return undefined;
    return createHash("sha256").update(bytes).digest("hex") === sha256;
  } finally {
    closeSync(fd);
  }
}

/** Names in archives may begin at their root. */
function pathOf(name: string): string {
  return name.replace(/^(?:\.?\/)+/, "");
}

/**
 * The first `length` bytes of a file, not verified.
 *
 * @throws Error when it is not there, or may not be read; the signal's reason
 */
export async function* readContent(
  { directory, name, size }: ContentPlace,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const fd = openFileBeneath(directory, pathOf(name), size);
  if (fd === undefined) throw new Error("the store does not have the file any more");
  try {
    yield* readRange(fd, { start: 0, size: length, signal });
  } finally {
    closeSync(fd);
  }
}

function* readLayerContents(directory: string): Generator<LayerContent> {
  const bytes = readNote(directory);
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(newline, start);
    // The last line of a note that a full disk has cut off.
    if (end < 0) return;
    const [line, sha256 = "", size = "", name = ""] =
      /^([0-9a-f]{64}) (\d{1,15}) (.+)$/.exec(bytes.toString("utf8", start, end)) ?? [];
    if (line !== undefined) yield { sha256, size: Number(size), name };
    start = end + 1;
  }
}

function readNote(directory: string): Buffer {
  try {
    return readFileSync(noteOf(directory));
  } catch (error) {
    if (isErrno(error, "ENOENT")) return Buffer.alloc(0);
    throw error;
  }
}

function noteOf(directory: string): string {
  return path.join(path.dirname(directory), "contents");
}

/** Binary search. */
function* indexesOf(
  order: readonly { readonly sha256: string; readonly index: number }[],
  sha256: string,
): Generator<number> {
  let low = 0;
  let high = order.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((order[middle]?.sha256 ?? "") < sha256) low = middle + 1;
    else high = middle;
  }
  for (let at = low; order[at]?.sha256 === sha256; at += 1) yield order[at]?.index ?? 0;
}
