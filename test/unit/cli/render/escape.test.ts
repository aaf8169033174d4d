import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeCell, escapeControls } from "../../../../src/cli/render/escape.ts";

test.each([
  ["\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"],
  ["a\rb", "a\\x0db"],
  ["\x9b2J", "\\x9b2J"],
  ["\x7f\x00", "\\x7f\\x00"],
  ["user\u202egnp.exe", "user\\u202egnp.exe"],
  ["plain ä 漢 🙂\ttab\nline", "plain ä 漢 🙂\ttab\nline"],
])("%j", (text, expected) => {
  expect(escapeControls(text)).toBe(expected);
});

test("a cell holds no line break and no tab either", () => {
  expect(escapeCell("a\tb\nc")).toBe("a\\tb\\nc");
});

/** Strings rich in control characters. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0x20ff }))
  .map((codes) => String.fromCharCode(...codes));

test("nothing that moves the cursor is left", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      return !/[\x00-\x1f\x7f-\x9f\u202a-\u202e]/.test(escapeCell(text));
    }),
  );
});
