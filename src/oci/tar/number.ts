/**
 * A number field of a tar header: octal text, or base 256 with the first bit set (GNU tar).
 *
 * @returns undefined for anything else, for negative numbers and for those beyond 2^53 - 1
 * (security cases S46, S100): other readers guess there
 */
export function parseTarNumber(block: Buffer, offset: number, length: number): number | undefined {
  const first = block[offset] ?? 0;
  return (first & 0x80) === 0
    ? parseOctal(block, offset, offset + length)
    : parseBase256(block, offset, offset + length);
}

function parseOctal(block: Buffer, start: number, end: number): number | undefined {
  let at = start;
  while (at < end && block[at] === 0x20) at += 1;
  let value = 0;
  for (; at < end; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; at < end; at++) {
    if (block[at] !== 0 && block[at] !== 0x20) return undefined;
  }
  return value;
}

function parseBase256(block: Buffer, start: number, end: number): number | undefined {
  if (block[start] !== 0x80) return undefined;
  let value = 0;
  for (let at = start + 1; at < end; at++) {
    value = value * 256 + (block[at] ?? 0);
    if (!Number.isSafeInteger(value)) return undefined;
  }
  return value;
}
