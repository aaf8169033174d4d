import { expect, test } from "vitest";
import { goDuration } from "../../../../src/cli/render/go-duration.ts";

test.each([
  [0, "0s"],
  [-1, "0s"],
  [0.25, "250µs"],
  [12.5, "12.5ms"],
  [1000, "1s"],
  [61_250, "1m1.25s"],
  [3_600_000, "1h0m0s"],
  [90_061_001, "25h1m1.001s"],
])("%d ms are %s", (milliseconds, text) => {
  expect(goDuration(milliseconds)).toBe(text);
});
