import { TsmanError } from "../../errors/index.ts";

/** A piece of a file that is no hole, in bytes. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

/** Where a file's data are; the rest of its `size` bytes is holes. */
export interface ContentLayout {
  readonly size: number;
  /** In their order, none empty, none that overlaps another. */
  readonly segments: readonly Segment[];
}

/**
 * The PAX record of an entry whose body is the data of a file with holes, without these.  Only the
 * two ends of one copy write and read it; archives from elsewhere and layers never have one.
 */
export const layoutRecord = "TSMAN.layout";

/** Decimal numbers: the size, then offset and length of each segment. */
export function formatLayout({ size, segments }: ContentLayout): string {
  return [size, ...segments.flatMap(({ offset, length }) => [offset, length])].join(" ");
}

/**
 * Reads {@link formatLayout}'s text.
 *
 * @param stored bytes of the entry's body.
 * @throws TsmanError LAYER_INVALID
 */
export function parseLayout(text: string, stored: number): ContentLayout {
  const words = text.split(" ");
  const numbers = words.map(Number);
  const [size = -1, ...rest] = numbers;
  const segments: Segment[] = [];
  let end = 0;
  let sum = 0;
  for (let at = 0; at < rest.length; at += 2) {
    const [offset = -1, length = 0] = rest.slice(at, at + 2);
    if (offset < end || length <= 0) throw invalid();
    segments.push({ offset, length });
    end = offset + length;
    sum += length;
  }
  const isWritten = words.every((word) => /^\d{1,16}$/.test(word));
  if (!isWritten || !numbers.every(Number.isSafeInteger) || end > size || sum !== stored) {
    throw invalid();
  }
  return { size, segments };
}

function invalid(): TsmanError {
  return new TsmanError("LAYER_INVALID", "says wrongly where its data are");
}
