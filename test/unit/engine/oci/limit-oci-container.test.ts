import { describe, expect, it } from "vitest";
import { assertFits } from "../../../../src/engine/oci/limit-oci-container.ts";

describe("a limit below what is used", () => {
  const used = 1000;

  it("is refused where the caller wants that, with its place", () => {
    for (const [memory, pointer] of [
      [{ limit: 999 }, "/memory/limit"],
      [{ limit: -1, swap: 999 }, "/memory/swap"],
    ] as const) {
      expect(() => assertFits({ memory: { ...memory, checkBeforeUpdate: true } }, used)).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          details: expect.objectContaining({ pointer }),
        }),
      );
    }
  });

  it("is the kernel's business otherwise", () => {
    assertFits({ memory: { limit: 999 } }, used);
    assertFits({ memory: { limit: 999, checkBeforeUpdate: false } }, used);
    assertFits({ memory: { limit: 1000, swap: -1, checkBeforeUpdate: true } }, used);
    assertFits({ memory: { limit: 0, swap: 0, checkBeforeUpdate: true } }, used);
    assertFits({ memory: { limit: 1, checkBeforeUpdate: true } }, undefined);
    assertFits({}, used);
  });
});
