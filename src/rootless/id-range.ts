/** A run of user or group ids: `start`, `start + 1`, … `start + count - 1`. */
export interface IdRange {
  readonly start: number;
  readonly count: number;
}

/** One above the highest id that a process may have; 4294967295 is "no id" (chown(2)). */
export const idLimit = 4_294_967_295;

const end = (range: IdRange): number => range.start + range.count;

/** The parts of `ranges` that lie in one of `allowed`, in the order of `ranges`. */
export function intersectRanges(
  ranges: readonly IdRange[],
  allowed: readonly IdRange[],
): readonly IdRange[] {
  return ranges.flatMap((range) =>
    allowed
      .map((window) =>
        between(Math.max(range.start, window.start), Math.min(end(range), end(window))),
      )
      .filter((part) => part.count > 0)
      .toSorted((a, b) => a.start - b.start),
  );
}

/** `ranges` without every id that lies in one of `excluded`, in the order of `ranges`. */
export function subtractRanges(
  ranges: readonly IdRange[],
  excluded: readonly IdRange[],
): readonly IdRange[] {
  return excluded.reduce<readonly IdRange[]>(
    (left, hole) =>
      left.flatMap((range) =>
        [
          between(range.start, Math.min(end(range), hole.start)),
          between(Math.max(range.start, end(hole)), end(range)),
        ].filter((part) => part.count > 0),
      ),
    ranges.filter((range) => range.count > 0),
  );
}

/** The same ids, each once: what an earlier range holds is cut out of the later ones. */
export function withoutOverlaps(ranges: readonly IdRange[]): readonly IdRange[] {
  const kept: IdRange[] = [];
  for (const range of ranges) kept.push(...subtractRanges([range], kept));
  return kept;
}

/** The first `count` ids of `ranges`. */
export function takeIds(ranges: readonly IdRange[], count: number): readonly IdRange[] {
  const taken: IdRange[] = [];
  let left = count;
  for (const range of ranges) {
    if (left <= 0) break;
    taken.push({ start: range.start, count: Math.min(range.count, left) });
    left -= range.count;
  }
  return taken;
}

/** How many ids `ranges` hold together, overlaps counted twice. */
export function countIds(ranges: readonly IdRange[]): number {
  return ranges.reduce((sum, range) => sum + range.count, 0);
}

function between(start: number, limit: number): IdRange {
  return { start, count: Math.max(0, limit - start) };
}
