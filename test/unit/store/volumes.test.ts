import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { scratchStore } from "./scratch-store.ts";

describe("a volume", () => {
  it("is made once and keeps what is in it", () => {
    using scratch = scratchStore();
    const { volumes } = scratch.store;
    const data = volumes.ensure("data");
    writeFileSync(path.join(data, "file"), "");
    expect(volumes.ensure("data", { isAnonymous: true })).toBe(data);
    expect(statSync(data).mode & 0o7777).toBe(0o755);
    expect(volumes.list()).toMatchObject([{ name: "data", isAnonymous: false }]);
    expect(volumes.find("data")?.name).toBe("data");
    expect(volumes.remove("data")).toBe(true);
    expect(volumes.find("data")).toBeUndefined();
  });

  // S92: the name becomes a file name.
  it.each(["", ".", "..", "../x", "a/b", "-v", "a\0b", "x".repeat(300), "ä"])(
    "cannot be called %j",
    (name) => {
      using scratch = scratchStore();
      expect(() => scratch.store.volumes.ensure(name)).toThrow(/not a valid name/);
    },
  );
});
