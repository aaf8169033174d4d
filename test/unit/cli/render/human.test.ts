import { describe, expect, test } from "vitest";
import { humanAge, humanDuration, humanSize, shownId } from "../../../../src/cli/render/human.ts";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe("durations read as Podman's", () => {
  test.each([
    [0, "Less than a second"],
    [999, "Less than a second"],
    [second, "1 second"],
    [59 * second, "59 seconds"],
    [minute, "About a minute"],
    [119 * second, "About a minute"],
    [2 * minute, "2 minutes"],
    [59 * minute, "59 minutes"],
    [60 * minute, "About an hour"],
    [89 * minute, "About an hour"],
    [90 * minute, "2 hours"],
    [47 * hour, "47 hours"],
    [48 * hour, "2 days"],
    [13 * day, "13 days"],
    [14 * day, "2 weeks"],
    [59 * day, "8 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [730 * day, "2 years"],
  ])("%i ms: %s", (milliseconds, text) => {
    expect(humanDuration(milliseconds)).toBe(text);
  });

  test("an age counts from now, and a clock that was set back makes none negative", () => {
    const now = Date.UTC(2026, 0, 1);
    expect(humanAge("2025-12-31T23:57:00Z", now)).toBe("3 minutes ago");
    expect(humanAge("2026-01-01T00:10:00Z", now)).toBe("Less than a second ago");
    expect(humanAge("never", now)).toBe("unknown");
  });
});

describe("sizes read as Podman's", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [7_660_000, "7.66 MB"],
    [117_123_456, "117 MB"],
    [999_600, "1 MB"],
    [1_234_000_000, "1.23 GB"],
  ])("%i: %s", (bytes, text) => {
    expect(humanSize(bytes)).toBe(text);
  });
});

test("an id has twelve digits unless all are wanted", () => {
  const id = `sha256:${"0123456789abcdef".repeat(4)}`;
  expect(shownId(id, false)).toBe("0123456789ab");
  expect(shownId(id, true)).toBe(id);
});
