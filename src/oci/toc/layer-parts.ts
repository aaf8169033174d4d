import type { TocFile } from "./toc-document.ts";

/** A piece of a layer's uncompressed archive, and where it is taken from. */
export type LayerPart<Source> =
  /** These bytes of the blob, which unpack on their own. */
  | { readonly kind: "blob"; readonly start: number; readonly end: number }
  /** The first `length` bytes of a file that the store has. */
  | { readonly kind: "content"; readonly source: Source; readonly length: number };

/** Bytes of a blob that are fetched rather than asking once more: what a round trip costs. */
export const leastReusedBytes = 128 * 1024;
/** Pieces of a blob that are asked for at most. */
const maxReused = 256;

/** The files that are worth taking from elsewhere. */
export function reusableFiles(files: readonly TocFile[]): readonly TocFile[] {
  return files
    .filter((file) => reusedBytes(file) >= leastReusedBytes)
    .toSorted((a, b) => reusedBytes(b) - reusedBytes(a))
    .slice(0, maxReused);
}

/** Bytes of the blob that nobody needs where the file's content is there. */
function reusedBytes({ range }: TocFile): number {
  return range === undefined ? 0 : range.end - range.start;
}

/**
 * The parts of a layer's archive, in order.
 *
 * @param found files of its table of contents that are somewhere else
 * @param dataEnd where the blob's archive ends
 * @returns the parts and how many bytes of the blob they take
 */
export function layerParts<Source>(
  found: ReadonlyMap<TocFile, Source>,
  dataEnd: number,
): { readonly parts: readonly LayerPart<Source>[]; readonly fetched: number } {
  const parts: LayerPart<Source>[] = [];
  let fetched = 0;
  let at = 0;
  const fetchUpTo = (end: number): void => {
    if (end <= at) return;
    parts.push({ kind: "blob", start: at, end });
    fetched += end - at;
  };
  const inOrder = [...found].sort(([a], [b]) => (a.range?.start ?? 0) - (b.range?.start ?? 0));
  for (const [{ range, covered }, source] of inOrder) {
    if (range === undefined) continue;
    fetchUpTo(range.start);
    parts.push({ kind: "content", source, length: covered });
    at = range.end;
  }
  fetchUpTo(dataEnd);
  return { parts, fetched };
}
