import { describe, expect, it } from "vitest";
import { printListing } from "../../../../src/cli/render/listing.ts";

describe("a listing as JSON", () => {
  it.each([true, false])(
    "holds no control character that a terminal obeys, and says the same (terminal: %s, S35)",
    async (isTerminal) => {
      const json = { Labels: { "a\u009b31m": "b\u202ec\u007f" } };
      const parts: unknown[] = [];
      await printListing(
        [{ fields: {}, json }],
        { format: "json", quietField: undefined, noHeading: false, columns: [] },
        { isTerminal, write: (part) => void parts.push(part) },
      );
      const text = parts.join("");
      expect(text).not.toMatch(/[\x7f-\x9f\u202e]/);
      expect(JSON.parse(text)).toEqual([json]);
    },
  );
});
