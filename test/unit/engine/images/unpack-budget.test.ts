import { describe, expect, it } from "vitest";
import { UnpackBudget } from "../../../../src/engine/images/unpack-budget.ts";
import { TsmanError } from "../../../../src/errors/index.ts";
import { defaultImageLimits } from "../../../../src/layer/limits.ts";

const limits = {
  ...defaultImageLimits,
  maxLayers: 3,
  maxBytes: 60,
  maxImageBytes: 100,
  maxEntries: 8,
  maxImageEntries: 10,
};

describe("what the layers of an image may take together", () => {
  it("is a number of layers", () => {
    expect(() => new UnpackBudget(limits, 3)).not.toThrow();
    expect(() => new UnpackBudget(limits, 4)).toThrow("it has 4 layers, the limit is 3");
  });

  it("is shared by them: a layer may take what the ones before have left", () => {
    const budget = new UnpackBudget(limits, 3);
    expect(budget.layerLimits()).toMatchObject({ maxBytes: 60, maxEntries: 8, maxDepth: 256 });
    expect(budget.layerLimits()).not.toHaveProperty("maxLayers");
    budget.spend({ bytes: 55, entries: 7 });
    expect(budget.layerLimits()).toMatchObject({ maxBytes: 45, maxEntries: 3 });
  });

  it("is exceeded by layers that were unpacked at the same time, too", () => {
    const budget = new UnpackBudget(limits, 3);
    budget.spend({ bytes: 60, entries: 5 });
    expect(() => budget.spend({ bytes: 41, entries: 1 })).toThrow(
      "its layers together have more bytes, the limit is 100",
    );
    const entries = new UnpackBudget(limits, 3);
    entries.spend({ bytes: 1, entries: 8 });
    expect(() => entries.spend({ bytes: 1, entries: 3 })).toThrow("more entries, the limit is 10");
  });

  it("is what an error names, not the rest that was left for a layer", () => {
    const budget = new UnpackBudget(limits, 3);
    const refused = (limit: string, value: number) =>
      new TsmanError("LAYER_LIMIT", "unpack layer: x", { details: { limit, value } });
    expect(budget.explain(refused("maxBytes", 45))).toMatchObject({
      message: "unpack image: its layers together have more bytes, the limit is 100",
      hint: expect.stringContaining("TSMAN_LIMITS=maxImageBytes=200"),
    });
    const own = refused("maxBytes", 60);
    expect(budget.explain(own)).toBe(own);
    const depth = refused("maxDepth", 256);
    expect(budget.explain(depth)).toBe(depth);
  });
});
