/** One masked comparison: `(argument & mask) == value`. */
export interface MaskedValue {
  readonly mask: number;
  readonly value: number;
}

/**
 * All 32-bit numbers but some, as masked comparisons of the low 32 bits, which do not overlap.
 *
 * A filter cannot say "allow unless the low half equals x": its "not equal" compares all 64 bits,
 * so a program could pass x with a high bit set.  The numbers that differ from x first at bit 31,
 * 30, … 0 are 32 blocks with a common prefix each, as the routes around one address.
 */
export function allExcept32(excluded: readonly number[]): MaskedValue[] {
  return blocksWithout(excluded, 0, 0);
}

function blocksWithout(excluded: readonly number[], prefix: number, bits: number): MaskedValue[] {
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  const inside = excluded.filter((value) => (value & mask) >>> 0 === prefix);
  if (inside.length === 0) return [{ mask, value: prefix }];
  if (bits === 32) return [];
  const upper = (prefix | (1 << (31 - bits))) >>> 0;
  return [...blocksWithout(inside, prefix, bits + 1), ...blocksWithout(inside, upper, bits + 1)];
}
