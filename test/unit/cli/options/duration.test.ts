import { describe, expect, test } from "vitest";
import { parseInterval, parseMoment } from "../../../../src/cli/options/duration.ts";

const now = Date.UTC(2026, 0, 2, 12);
const at = (text: string, direction?: "before" | "after"): number =>
  parseMoment(text, "--since", now, direction).getTime();

describe("a moment", () => {
  test.each([
    ["2026-01-01T10:00:00Z", Date.UTC(2026, 0, 1, 10)],
    ["2026-01-01T10:00:00.123456789Z", Date.UTC(2026, 0, 1, 10, 0, 0, 123)],
    ["2026-01-01T10:00:00+02:00", Date.UTC(2026, 0, 1, 8)],
    ["2026-01-01 10:00:00Z", Date.UTC(2026, 0, 1, 10)],
    ["2026-01-01T10:00:00", new Date(2026, 0, 1, 10).getTime()],
    ["2026-01-01T10:00", new Date(2026, 0, 1, 10).getTime()],
    ["2026-01-01T10", new Date(2026, 0, 1, 10).getTime()],
    ["2026-01-01", new Date(2026, 0, 1).getTime()],
    ["2026-01-01Z", Date.UTC(2026, 0, 1)],
    ["2026-01-01-03:00", Date.UTC(2026, 0, 1, 3)],
    ["1767225600", 1_767_225_600_000],
    ["1767225600.5", 1_767_225_600_500],
    ["10m", now - 600_000],
    ["1h30m", now - 5_400_000],
    ["-10m", now + 600_000],
  ])("may be written %s", (text, expected) => {
    expect(at(text)).toBe(expected);
  });

  test("as a duration is before or after now", () => {
    expect(at("10m", "after")).toBe(now + 600_000);
    expect(at("-10m", "after")).toBe(now - 600_000);
  });

  test.each(["", "now", "10 m", "2026-02-30", "2026-13-01", "2026-01-01T25:00", "1e9"])(
    "%j is refused",
    (text) => {
      expect(() => at(text)).toThrow(/--since/);
    },
  );
});

describe("an interval", () => {
  test.each([
    ["250", 250],
    ["250ms", 250],
    ["2s", 2000],
  ])("%s is %d ms", (text, expected) => {
    expect(parseInterval(text, "--interval")).toBe(expected);
  });

  test.each(["0", "0s", "-1", "1000h", "soon"])("%s is refused", (text) => {
    expect(() => parseInterval(text, "--interval")).toThrow(/--interval/);
  });
});
