import { describe, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { defaultImageLimits, readLimits } from "../../../src/layer/limits.ts";

describe("TSMAN_LIMITS", () => {
  it("changes the limits that it names", () => {
    expect(readLimits("maxImageBytes=2g,maxLayers=600,maxRatio=5")).toEqual({
      ...defaultImageLimits,
      maxImageBytes: 2 * 1024 ** 3,
      maxLayers: 600,
      maxRatio: 5,
    });
    expect(readLimits(undefined)).toEqual(defaultImageLimits);
  });

  it.each(["", "maxLayers", "maxLayers=", "maxLayers=-1", "maxLayers=0", "most=5", "maxLayers=5x"])(
    "is refused as %j, with the names that there are",
    (text) => {
      try {
        readLimits(`maxBytes=5k,${text}`);
      } catch (error) {
        if (!isTsmanError(error, "CONFIG_INVALID")) throw error;
        expect(error.message).toContain(JSON.stringify(text));
        expect(error.hint).toContain("maxImageEntries");
        return;
      }
      throw new Error("it was read");
    },
  );

  it("knows no name that every object has", () => {
    expect(() => readLimits("constructor=5")).toThrow("constructor=5");
  });
});
