import { describe, expect, it } from "vitest";
import { displayName, fsPath } from "../../../src/layer/worker/entry-name.ts";

const byteString = (text: string) => Buffer.from(text, "utf8").toString("latin1");

describe("the name of an entry in a message", () => {
  it.each([
    ["etc/passwd", "etc/passwd"],
    [byteString("grüße/日本"), "grüße/日本"],
    ["a\nb", "a\\x0ab"],
    ["\x1b[31mred", "\\x1b[31mred"],
    ["back\\slash", "back\\\\slash"],
    ["caf\xe9", "caf\\xe9"],
    [byteString("\u202egnp.exe"), "\\xe2\\x80\\xaegnp.exe"],
    [byteString("\u2028"), "\\xe2\\x80\\xa8"],
  ])("%j is shown as %j", (name, shown) => {
    expect(displayName(name)).toBe(shown);
  });

  it("is cut to a readable length", () => {
    expect(displayName("x".repeat(4000))).toBe(`${"x".repeat(200)}…`);
  });
});

describe("the path that the kernel gets", () => {
  it("has the bytes of the archive, whatever they are", () => {
    const every = Array.from({ length: 255 }, (_, index) => String.fromCharCode(index + 1)).join(
      "",
    );
    expect(Buffer.from(fsPath(every))).toEqual(Buffer.from(every, "latin1"));
    expect(Buffer.from(fsPath("plain"))).toEqual(Buffer.from("plain"));
  });
});
