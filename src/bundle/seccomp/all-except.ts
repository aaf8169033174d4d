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
  const blocks: MaskedValue[] = [];
  addBlocks(blocks, excluded, 0, 0);
  return blocks;
}

/** Adds what is not excluded of the block whose first `bits` bits are those of `prefix`. */
function addBlocks(
  blocks: MaskedValue[],
  excluded: readonly number[],
  prefix: number,
  bits: number,
): void {
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
  const inside = excluded.filter((value) => (value & mask) >>> 0 === prefix);
  if (inside.length === 0) blocks.push({ mask, value: prefix });
  else if (bits < 32) {
    addBlocks(blocks, inside, prefix, bits + 1);
    addBlocks(blocks, inside, (prefix | (1 << (31 - bits))) >>> 0, bits + 1);
  }
}
