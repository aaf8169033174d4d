import type { IdMapEntry } from "../platform/userns.ts";
import { type IdRange, idLimit, subtractRanges } from "./id-range.ts";

/** An {@link IdMapEntry} and where it comes from, for `--explain`. */
export interface ExplainedIdMapEntry extends IdMapEntry {
  readonly because: string;
}

/** What {@link layOutIds} takes. */
export interface IdLayout {
  readonly pool: readonly IdRange[];
  readonly poolOrigin: string;
  /** What stands at its place already; missing: nothing. */
  readonly fixed?: readonly ExplainedIdMapEntry[] | undefined;
}

/** Container ids from 0 up get the pool's ids in order, around what is fixed. */
export function layOutIds({
  pool,
  poolOrigin,
  fixed = [],
}: IdLayout): readonly ExplainedIdMapEntry[] {
  const slots = subtractRanges(
    [{ start: 0, count: idLimit }],
    fixed.map(({ inside, count }) => ({ start: inside, count })),
  );
  const entries: ExplainedIdMapEntry[] = [...fixed];
  let slotIndex = 0;
  let usedOfSlot = 0;
  for (const range of pool) {
    for (let used = 0; used < range.count; ) {
      const slot = slots[slotIndex];
      if (slot === undefined) break;
      const count = Math.min(range.count - used, slot.count - usedOfSlot);
      entries.push({
        inside: slot.start + usedOfSlot,
        outside: range.start + used,
        count,
        because: poolOrigin,
      });
      used += count;
      usedOfSlot += count;
      if (usedOfSlot === slot.count) {
        slotIndex += 1;
        usedOfSlot = 0;
      }
    }
  }
  return entries.toSorted((a, b) => a.inside - b.inside);
}
