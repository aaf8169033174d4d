import { describe, expect, it } from "vitest";
import { parseOciArguments } from "../../../src/cli/oci/arguments.ts";

const options = {
  bundle: { kind: "value", char: "b", summary: "" },
  detach: { kind: "flag", char: "d", summary: "" },
  env: { kind: "list", char: "e", summary: "" },
  "preserve-fds": { kind: "value", summary: "" },
} as const;

function parse(line: string, stopAt = 2) {
  return parseOciArguments(line === "" ? [] : line.split(" "), options, stopAt);
}

describe("the command line of tsman-oci", () => {
  it("takes values behind a blank, an equals sign, and a letter", () => {
    for (const line of ["--bundle x id", "--bundle=x id", "-b x id", "-bx id", "-b=x id"]) {
      const args = parse(line);
      expect([args.get("bundle"), args.positionals]).toEqual(["x", ["id"]]);
    }
  });

  it("takes options behind operands, until there are enough of those", () => {
    expect(parse("id --detach").has("detach")).toBe(true);
    const args = parse("id --env a=b sh -c --detach", 2);
    expect(args.positionals).toEqual(["id", "sh", "-c", "--detach"]);
    expect(args.has("detach")).toBe(false);
    expect(args.list("env")).toEqual(["a=b"]);
    expect(parse("id -- -d", 3).positionals).toEqual(["id", "-d"]);
  });

  it("takes flags with a value, as Go writes them", () => {
    expect(parse("--detach=false").has("detach")).toBe(false);
    expect(parse("-d").has("detach")).toBe(true);
  });

  it("keeps what was given last, and all of a list", () => {
    const args = parse("-e a=1 --env b=2 -b x -b y");
    expect(args.list("env")).toEqual(["a=1", "b=2"]);
    expect(args.get("bundle")).toBe("y");
  });

  it.each([
    ["--loud", "there is no such option"],
    ["-x", "there is no such option"],
    ["--bundle", "its value is missing"],
    ["--detach=maybe", "a flag is true or false"],
  ])("refuses %s", (line, why) => {
    expect(() => parse(line)).toThrow(why);
  });

  it("counts only what can be counted", () => {
    expect(parse("").count("preserve-fds")).toBe(0);
    expect(parse("--preserve-fds 2").count("preserve-fds")).toBe(2);
    expect(() => parse("--preserve-fds -1").count("preserve-fds")).toThrow("not a number");
  });
});
