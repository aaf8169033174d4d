import { describe, expect, test } from "vitest";
import {
  parseEnvironmentFile,
  parseEnvironmentVariable,
} from "../../../../src/cli/options/environment-variables.ts";
import { thrownError } from "../thrown-error.ts";

const caller = { HOME: "/home/me", LC_ALL: "C", LC_TIME: "de", EMPTY: "", GONE: undefined };

describe("--env", () => {
  test.each([
    ["A=b", [["A", "b"]]],
    ["A=", [["A", ""]]],
    ["A=b=c d", [["A", "b=c d"]]],
    ["HOME", [["HOME", "/home/me"]]],
    ["EMPTY", [["EMPTY", ""]]],
    ["NOTSET", []],
    ["GONE", []],
    [
      "LC_*",
      [
        ["LC_ALL", "C"],
        ["LC_TIME", "de"],
      ],
    ],
    ["A*=b", [["A*", "b"]]],
  ])("%s", (text, expected) => {
    expect(parseEnvironmentVariable(text, "--env", caller)).toEqual(expected);
  });

  test.each(["", "=b", "A=\0"])("%j is refused", (text) => {
    expect(thrownError(() => parseEnvironmentVariable(text, "--env", caller)).code).toBe("USAGE");
  });
});

describe("--env-file", () => {
  const parse = (content: string) => parseEnvironmentFile(content, "f.env", "--env-file", caller);

  test("takes values verbatim and skips comments and empty lines", () => {
    const content = [
      "# comment",
      "",
      "  A=b",
      'QUOTED="x y"',
      "TRAIL=x  ",
      "HASH=a # b",
      "HOME",
      "NOTSET",
      "LC_*",
      "CR=x\r",
    ];
    expect(parse(content.join("\n"))).toEqual([
      ["A", "b"],
      ["QUOTED", '"x y"'],
      ["TRAIL", "x  "],
      ["HASH", "a # b"],
      ["HOME", "/home/me"],
      ["LC_ALL", "C"],
      ["LC_TIME", "de"],
      ["CR", "x"],
    ]);
  });

  test.each([
    ["OK=1\nexport A=b", 'line 2: white space in the name "export A"'],
    ["A =b", 'line 1: white space in the name "A "'],
    ["=b", "line 1: the name is missing"],
  ])("%j is refused with its line", (content, why) => {
    expect(thrownError(() => parse(content)).message).toBe(`parse --env-file "f.env": ${why}`);
  });
});
