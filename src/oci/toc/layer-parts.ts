import type { SplitPiece } from "./tar-split.ts";
import type { TocFile } from "./toc-document.ts";

/** Bytes `start` to `end` (not included). */
export interface PartRange {
  readonly start: number;
  readonly end: number;
}

/** A piece of a layer's uncompressed archive, and where it is taken from. */
export type LayerPart<Source> =
  /** These bytes of the blob, which unpack on their own. */
  | ({ readonly kind: "blob" } & PartRange)
  /** Base64 text of the list of headers. */
  | ({ readonly kind: "text" } & PartRange)
  /** The first `length` bytes of a file that the store has. */
  | { readonly kind: "content"; readonly source: Source; readonly length: number };

/** Bytes of a blob that are fetched rather than asking once more: what a round trip costs. */
export const leastReusedBytes = 128 * 1024;
/** Times that a registry is asked, more or less. */
const mostRanges = 256;
/** Files that are looked for. */
const mostReused = 20_000;

/**
 * The files that are worth taking from elsewhere.
 *
 * @param hasHeaders the archive's headers are known, so that what lies between files is not needed
 */
export function reusableFiles(files: readonly TocFile[], hasHeaders: boolean): readonly TocFile[] {
  const least = hasHeaders ? 1 : leastReusedBytes;
  return files
    .filter((file) => reusedBytes(file) >= least)
    .toSorted((a, b) => reusedBytes(b) - reusedBytes(a))
    .slice(0, hasHeaders ? mostReused : mostRanges);
}

/** Bytes of the blob that nobody needs where the file's content is there. */
function reusedBytes({ range }: TocFile): number {
  return range === undefined ? 0 : range.end - range.start;
}

/**
 * The parts of a layer's archive, in order, where its headers are in the blob only: whatever lies
 * between two files is fetched.
 *
 * @param found files of its table of contents that are somewhere else
 * @param dataEnd where the blob's archive ends
 */
export function layerParts<Source>(
  found: ReadonlyMap<TocFile, Source>,
  dataEnd: number,
): readonly LayerPart<Source>[] {
  const parts: LayerPart<Source>[] = [];
  let at = 0;
  const fetchUpTo = (end: number): void => {
    if (end > at) parts.push({ kind: "blob", start: at, end });
  };
  const inOrder = [...found].sort(([a], [b]) => (a.range?.start ?? 0) - (b.range?.start ?? 0));
  for (const [{ range, covered }, source] of inOrder) {
    if (range === undefined) continue;
    fetchUpTo(range.start);
    parts.push({ kind: "content", source, length: covered });
    at = range.end;
  }
  fetchUpTo(dataEnd);
  return parts;
}

/**
 * The same where a list has the headers: nothing of the blob is needed but files.
 *
 * @param files all files with content, in the order of the archive
 * @returns undefined where the list is of other files, or it is not said where one is
 */
export function splitParts<Source>(
  pieces: readonly SplitPiece[],
  files: readonly TocFile[],
  found: ReadonlyMap<TocFile, Source>,
): readonly LayerPart<Source>[] | undefined {
  const parts: LayerPart<Source>[] = [];
  const next = files.values();
  for (const piece of pieces) {
    if (piece.kind === "text") {
      parts.push(piece);
      continue;
    }
    const file = next.next().value;
    if (file?.size !== piece.size || file.range === undefined) return undefined;
    const source = found.get(file);
    if (source === undefined) parts.push({ kind: "blob", ...file.range });
    else parts.push({ kind: "content", source, length: file.size });
  }
  return next.next().done === true ? parts : undefined;
}

/**
 * What to ask a registry for: all that parts need of the blob, and what lies between two of them
 * where that is little.
 */
export function neededRanges(parts: readonly LayerPart<unknown>[]): readonly PartRange[] {
  const blobs = parts.filter((part) => part.kind === "blob");
  for (let gap = leastReusedBytes; ; gap *= 2) {
    const ranges = merged(blobs, gap);
    if (ranges.length <= mostRanges) return ranges;
  }
}

function merged(ranges: readonly PartRange[], gap: number): readonly PartRange[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of ranges) {
    const last = all.at(-1);
    if (last !== undefined && start - last.end < gap) last.end = end;
    else all.push({ start, end });
  }
  return all;
}
