import { describe, expect, test } from "vitest";
import { formatPrintf } from "../../../../src/cli/template/format.ts";

// Each line is what Go's fmt.Sprintf gives; https://pkg.go.dev/fmt
describe("printf", () => {
  test.each<[string, unknown[], string]>([
    ["%s", ["a"], "a"],
    ["%10s|%-10s|", ["ab", "cd"], "        ab|cd        |"],
    ["%.2s|%5.1s|", ["héllo", "xyz"], "hé|    x|"],
    ["%*s|%-*s|", [4, "a", 4, "b"], "   a|b   |"],
    ["%q %q", ['a"b\n', "\u0007\u0001é"], '"a\\"b\\n" "\\a\\x01é"'],
    ["%x %X", ["hi", "hi"], "6869 6869"],
    ["%v %v %v", ["a", 1, true], "a 1 true"],
    [
      "%v %s",
      [
        ["a", "b"],
        ["a", "b"],
      ],
      "[a b] [a b]",
    ],
    ["%q", [["a", "b"]], '["a" "b"]'],
    ["%d %5d|%-5d|%05d|%+d", [1, 2, 3, 4, 5], "1     2|3    |00004|+5"],
    ["%05d %+05d", [-42, 42], "-0042 +0042"],
    ["%x %X %#x %o %b %c", [255, 255, 255, 8, 5, 0x263a], "ff FF 0xff 10 101 ☺"],
    ["%t %U", [true, 65], "true U+0041"],
    [
      "%f %.2f %8.3f %e %g",
      [1.5, 1.005, 2.5, 12345.678, 0.25],
      "1.500000 1.00    2.500 1.234568e+04 0.25",
    ],
    ["%T %T %T", ["a", 1, true], "string int bool"],
    ["100%% %s", ["x"], "100% x"],
    ["%d", ["x"], "%!d(string=x)"],
    ["%s", [3], "%!s(int=3)"],
    ["%s", [], "%!s(MISSING)"],
    ["%s", ["a", "b"], "a%!(EXTRA string=b)"],
    ["%s", [null], "%!s(<nil>)"],
    ["50%", [], "50%!(NOVERB)"],
  ])("%j %j", (format, values, expected) => {
    expect(formatPrintf(format, values)).toBe(expected);
  });
});
