import { invalidValue } from "../usage-error.ts";

const powers: Readonly<Record<string, number>> = { "": 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/**
 * A size in bytes: `64m`, `1.5g`, `512k`, `65536`; units are powers of 1024 in either case, with an
 * optional `b` or `ib`, as Podman and Docker read `--shm-size` and the like.
 */
export function parseSize(text: string, option: string): number {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const power = powers[match?.[2]?.toLowerCase() ?? ""];
  const bytes =
    match === null || power === undefined ? Number.NaN : Number(match[1]) * 1024 ** power;
  if (Number.isFinite(bytes) && bytes <= Number.MAX_SAFE_INTEGER) return Math.trunc(bytes);
  throw invalidValue(
    option,
    text,
    "not a size",
    "write a number with an optional unit b, k, m, g or t, such as 64m",
  );
}
