import { expect, test } from "vitest";
import { editDistance, nearest } from "../../../src/config/nearest.ts";

test.each([
  ["imgaes", "images"],
  ["rn", "run"],
  ["stpo", "stop"],
  ["insp", "inspect"],
  ["doctr", "doctor"],
])("%s is taken for %s", (typed, meant) => {
  expect(nearest(typed, ["run", "images", "ps", "stop", "inspect", "doctor"])).toBe(meant);
});

test("what resembles nothing has no suggestion", () => {
  expect(nearest("frobnicate", ["run", "images"])).toBeUndefined();
});

test.each([
  ["", "", 0],
  ["abc", "abc", 0],
  ["abc", "acb", 1],
  ["abc", "ab", 1],
  ["kitten", "sitting", 3],
])("from %j to %j it is %i", (a, b, distance) => {
  expect(editDistance(a, b, 99)).toBe(distance);
});
