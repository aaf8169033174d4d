import { findDuration } from "../../config/duration.ts";
import { invalidValue } from "../usage-error.ts";

/** Milliseconds between two looks: a duration, or, as Podman takes it, their plain number. */
export function parseInterval(text: string, option: string): number {
  const milliseconds = /^\d{1,9}$/.test(text) ? Number(text) : findDuration(text);
  if (milliseconds !== undefined && milliseconds >= 1 && milliseconds < 2 ** 31) {
    return Math.trunc(milliseconds);
  }
  throw invalidValue(option, text, "not a time to wait", "write it like 250ms, 2s or 1m");
}

/** Which way from now a duration leads that stands for a moment. */
export type MomentDirection = "before" | "after";

/**
 * A point in time as `--since` and `--until` take it: RFC 3339, a date, either with or without a
 * zone, seconds since 1970, or a duration, which may have a sign.
 *
 * @param now milliseconds since 1970.
 * @param direction of a duration: `--since 10m` is ten minutes before now, Podman's `--until 10m`
 * ten after it.
 */
export function parseMoment(
  text: string,
  option: string,
  now: number,
  direction: MomentDirection = "before",
): Date {
  const duration = findDuration(text.replace(/^[+-]/, ""));
  if (duration !== undefined) {
    const isBack = (direction === "before") !== text.startsWith("-");
    return new Date(isBack ? now - duration : now + duration);
  }
  if (/^\d{1,12}(?:\.\d{1,9})?$/.test(text)) return new Date(Number(text) * 1000);
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}(?::\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?))?(Z|[+-]\d{2}:\d{2})?$/.exec(
      text,
    );
  if (match !== null) {
    const [, day = "", time = "00:00", zone = ""] = match;
    // Without a zone it is the caller's own.
    const date = new Date(`${day}T${time.length === 2 ? `${time}:00` : time}${zone}`);
    // JavaScript takes the 31st of a short month for the first of the next.
    const isDay = new Date(`${day}T00:00:00Z`).toJSON()?.startsWith(day) === true;
    if (!Number.isNaN(date.getTime()) && isDay) return date;
  }
  throw invalidValue(
    option,
    text,
    "not a point in time",
    `write 2006-01-02T15:04:05Z, seconds since 1970, or a duration ${direction} now such as 10m`,
  );
}
