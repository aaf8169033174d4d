import { invalidValue } from "../usage-error.ts";

const milliseconds: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** A duration in milliseconds as Go writes it: `300ms`, `1.5h`, `2h45m`; undefined if it is none. */
export function findDuration(text: string): number | undefined {
  if (!/^(?:\d{1,12}(?:\.\d{1,9})?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount = "0", unit = ""] of text.matchAll(/([\d.]+)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (milliseconds[unit] ?? 0);
  }
  return total;
}

/**
 * A point in time as `--since` and `--until` take it: RFC 3339, a date, seconds since 1970, or a
 * duration before now.
 *
 * @param now milliseconds since 1970.
 */
export function parseMoment(text: string, option: string, now: number): Date {
  const duration = findDuration(text);
  if (duration !== undefined) return new Date(now - duration);
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return new Date(Number(text) * 1000);
  if (
    /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(
      text,
    )
  ) {
    const isDateOnly = text.length === 10;
    const date = new Date(isDateOnly ? `${text}T00:00:00` : text.replace(" ", "T"));
    if (!Number.isNaN(date.getTime())) return date;
  }
  throw invalidValue(
    option,
    text,
    "not a point in time",
    "write 2006-01-02T15:04:05Z, seconds since 1970, or a duration before now such as 10m",
  );
}
