import { describe, expect, it } from "vitest";
import { jsonFaultPlace } from "../../../src/oci/json-fault.ts";

describe("the place where a text stops to be JSON", () => {
  it.each([
    ["<html>", 1, 1],
    ["{} x", 1, 4],
    ['{\n "a": 1,\n oops\n}', 3, 2],
    ['{"a": 1,}', 1, 9],
    ["[1, 2,]", 1, 7],
    ["[1 2]", 1, 4],
    ['{"a" 1}', 1, 6],
    ['{"a": }', 1, 7],
    ["{1: 2}", 1, 2],
    ["[1}", 1, 3],
    ["[01]", 1, 2],
    ["[1.]", 1, 2],
    ["[truex]", 1, 2],
    ['["a\nb"]', 1, 2],
    ['["\\x"]', 1, 2],
    ['["\\\\", "\\\\\\x"]', 1, 8],
    ['["\\u12g4"]', 1, 2],
    ['["abc', 1, 2],
    [`["${"a".repeat(10_000_000)}" x`, 1, 10_000_005],
    [`["${"\\n".repeat(5_000_000)}" x`, 1, 10_000_005],
    [`[${"1".repeat(10_000_000)} x`, 1, 10_000_003],
    [`${" ".repeat(10_000_000)}x`, 1, 10_000_001],
    ["[\u00a01]", 1, 2],
    ["// c\n{}", 1, 1],
    ["]", 1, 1],
  ])("%.40j", (text, line, column) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFaultPlace(text)).toEqual({ line, column });
  });

  it.each(["", "  \n", "[", '{"a"', '{"a":', "[1,\n ", '{"a": {'])("%j ends too early", (text) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(jsonFaultPlace(text)).toBeUndefined();
  });

  it.each([
    "0",
    ' {"a": [1, -2.5e+3, "\\u00e4\\"", true, false, null, {}, []], "b": {"c": ""}}\n',
    '"x"',
    '["\\\\x", "\\\\", "\\\\\\""]',
  ])("%j has none", (text) => {
    JSON.parse(text);
    expect(jsonFaultPlace(text)).toBeUndefined();
  });
});
