import { describe, expect, it } from "vitest";
import { nameMeaning } from "../../../src/layer/worker/whiteout.ts";

const meaning = (path: string) => nameMeaning(path.split("/"));

describe("the name of an entry means", () => {
  it.each(["a", "a/b", "x.wh.y", "wh.a", ".whatever", ".wh", "a/.w.h."])("a file: %s", (path) => {
    expect(meaning(path)).toEqual({ kind: "plain" });
  });

  it.each([
    [".wh.a", "a"],
    ["dir/.wh.a", "a"],
    [".wh....", "..."],
    [".wh.-rf", "-rf"],
    [".wh.\xff\n", "\xff\n"],
  ])("a whiteout: %s", (path, name) => {
    expect(meaning(path)).toEqual({ kind: "whiteout", name });
  });

  it.each([".wh..wh..opq", "a/b/.wh..wh..opq"])("an opaque directory: %s", (path) => {
    expect(meaning(path)).toEqual({ kind: "opaque" });
  });

  it.each([".wh..wh.aufs", ".wh..wh.plnk/12.34", ".wh..wh.orph/x/y", ".wh..wh..opq/x"])(
    "book-keeping of AUFS: %s",
    (path) => {
      expect(meaning(path)).toEqual({ kind: "metadata" });
    },
  );

  it.each([
    [".wh.", "empty name"],
    ["a/.wh.", "empty name"],
    [".wh..", "whiteout of ."],
    [".wh...", "whiteout of .."],
    ["a/.wh...", "whiteout of .."],
    [".wh.x/y", "used as a directory"],
    [".wh./y", "used as a directory"],
  ])("nothing that a layer may say: %s", (path, why) => {
    expect(() => meaning(path)).toThrow(why);
  });
});
