import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { parseEntryPath } from "../../../src/layer/worker/entry-path.ts";

const parse = (name: string) => parseEntryPath(name, "name", 8);

function codeOf(name: string): string {
  try {
    parse(name);
    return "none";
  } catch (error) {
    return isTsmanError(error) ? error.code : "other";
  }
}

describe("the path of an entry", () => {
  it.each([
    ["etc/passwd", ["etc", "passwd"]],
    ["./etc/passwd", ["etc", "passwd"]],
    ["etc/", ["etc"]],
    ["etc//./passwd", ["etc", "passwd"]],
    ["/etc/passwd", ["etc", "passwd"]],
    ["///etc", ["etc"]],
    ["C:/etc", ["C:", "etc"]],
    ["a\\..\\b", ["a\\..\\b"]],
    ["..a/b..", ["..a", "b.."]],
    ["new\nline", ["new\nline"]],
  ])("%j has the components %j", (name, components) => {
    expect(parse(name)).toEqual(components);
  });

  it.each([".", "./", "/", "./.", "//"])("%j is the root", (name) => {
    expect(parse(name)).toEqual([]);
  });

  it.each([
    ["", "is empty"],
    ["..", "escapes the rootfs"],
    ["../x", "name ../x escapes the rootfs"],
    ["a/../../x", "escapes the rootfs"],
    ["a/../b", "escapes the rootfs"],
    ["/..", "escapes the rootfs"],
    ["a/..", "escapes the rootfs"],
    ["C:/../x", "escapes the rootfs"],
    ["a\0b", "NUL"],
    ["x".repeat(256), "more than 255 bytes"],
    ["x/".repeat(2100), "longer than 4095 bytes"],
  ])("%j is refused", (name, why) => {
    expect(() => parse(name)).toThrow(why);
    expect(codeOf(name)).toBe("LAYER_INVALID");
  });

  it("takes a component of 255 bytes", () => {
    expect(parse("x".repeat(255))).toEqual(["x".repeat(255)]);
  });

  it("has no more components than the limit", () => {
    expect(parse("a/".repeat(8))).toHaveLength(8);
    expect(codeOf("a/".repeat(9))).toBe("LAYER_LIMIT");
  });

  it("never has a component that means another place", () => {
    const names = fc.array(fc.constantFrom("..", ".", "", "a", "\0", "\xff", "b c"), {
      maxLength: 7,
    });
    fc.assert(
      fc.property(names, (parts) => {
        let components: string[];
        try {
          components = parse(parts.join("/"));
        } catch {
          return;
        }
        for (const component of components) {
          expect(["", ".", ".."]).not.toContain(component);
          expect(component).not.toMatch(/[/\0]/);
        }
        expect(parts).not.toContain("..");
      }),
    );
  });
});
