import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fingerprint } from "../../../src/platform/fingerprint.ts";

describe("fingerprint", () => {
  it("is 16 hexadecimal digits of the text alone", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(fingerprint(text)).toMatch(/^[0-9a-f]{16}$/);
        expect(fingerprint(text)).toBe(fingerprint(text));
      }),
    );
  });

  it("tells a hundred thousand like texts apart", () => {
    const seen = new Set(Array.from({ length: 100_000 }, (_, n) => fingerprint(`0 ${n} 65536`)));
    expect(seen.size).toBe(100_000);
  });
});
