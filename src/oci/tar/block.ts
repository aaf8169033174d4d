/** Bytes of a block: headers are one, contents are padded to whole ones. */
export const tarBlock = 512;

/** A size rounded up to whole blocks. */
export function paddedSize(size: number): number {
  return Math.ceil(size / tarBlock) * tarBlock;
}

/** Whether a block has nothing but zeros; two of them end an archive. */
export function isZeroBlock(block: Buffer): boolean {
  if (block[0] !== 0) return false;
  for (let index = 0; index < tarBlock; index++) if (block[index] !== 0) return false;
  return true;
}

/** pax(1), "ustar Interchange Format": the sum of all bytes with the field itself as spaces. */
export function headerSum(header: Buffer): number {
  let sum = emptyHeaderSum;
  for (let index = 0; index < 148; index++) sum += header[index] ?? 0;
  for (let index = 156; index < tarBlock; index++) sum += header[index] ?? 0;
  return sum;
}

/** The sum of a header that has nothing but the sum: tar-stream takes it for an end mark. */
export const emptyHeaderSum: number = 8 * 0x20;
