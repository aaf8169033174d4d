import { expect, test } from "vitest";
import { goMoment, goTime } from "../../../../src/cli/render/container-rows.ts";

test.each([
  ["2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"],
  ["2026-01-02T03:04:05.120000Z", "2026-01-02T03:04:05.12Z"],
  ["2026-01-02T03:04:05.100+02:00", "2026-01-02T03:04:05.1+02:00"],
  ["2026-01-02T03:04:00.000-10:00", "2026-01-02T03:04:00-10:00"],
  ["2026-01-02T03:04:10Z", "2026-01-02T03:04:10Z"],
  ["yesterday", "yesterday"],
  ["", ""],
])("%j is %j in Go's JSON", (moment, text) => {
  expect(goMoment(moment)).toBe(text);
});

test("a moment of UTC is printed as Go prints it", () => {
  expect(goTime("2026-01-02T03:04:05.100Z")).toBe("2026-01-02 03:04:05.1 +0000 UTC");
});
