import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpuWeight } from "../../../src/cgroup/cpu-weight.ts";

describe("cpuWeight", () => {
  it("lets the ends and the defaults of both scales correspond", () => {
    expect([0, 1, 2, 1024, 262_144, 500_000].map(cpuWeight)).toEqual([
      1, 1, 1, 100, 10_000, 10_000,
    ]);
  });

  it("grows with the shares, and stays what the kernel takes", () => {
    const shares = fc.integer({ min: 2, max: 262_144 });
    fc.assert(
      fc.property(shares, shares, (a, b) => {
        const [less, more] = [cpuWeight(Math.min(a, b)), cpuWeight(Math.max(a, b))];
        expect(less).toBeLessThanOrEqual(more);
        expect(less).toBeGreaterThanOrEqual(1);
        expect(more).toBeLessThanOrEqual(10_000);
        expect(Number.isInteger(less)).toBe(true);
      }),
    );
  });
});
