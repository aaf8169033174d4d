import { expect, test } from "vitest";
import { errorText, warningText } from "../../../../src/cli/render/error.ts";
import { TsmanError } from "../../../../src/errors/index.ts";

const plain = { isTerminal: false, isDebug: false };

test("an error is one line, and its remedy one hint for each line", () => {
  const error = new TsmanError("USAGE", "do this: why not", { hint: "first\nsecond" });
  expect(errorText(error, plain)).toBe(
    "tsman: error: do this: why not\nhint: first\nhint: second\n",
  );
});

test("a defect of tsman's own says what to do with it", () => {
  expect(errorText(new TsmanError("INTERNAL", "x"), plain)).toContain("--log-level debug");
});

test("with debug come code, details and the chain of causes", () => {
  const cause = new TsmanError("DIGEST_MISMATCH", "second", { cause: new Error("third") });
  const error = new TsmanError("USAGE", "first", {
    cause,
    details: { path: "/x", all: ["a", "b"] },
  });
  const text = errorText(error, { isTerminal: false, isDebug: true });
  expect(text).toContain("debug: code USAGE, exit status 125\n");
  expect(text).toContain("debug: path: /x\n");
  expect(text).toContain("debug: all: a, b\n");
  expect(text).toContain("debug: caused by DIGEST_MISMATCH: second\n");
  expect(text).toContain("debug: caused by third\n");
});

test("with debug come all failures where several have met, each with its causes", () => {
  const first = new TsmanError("NAME_IN_USE", "first", { cause: new Error("below") });
  const met = new SuppressedError(new Error("third"), first, "An error was suppressed");
  const text = errorText(new TsmanError("NAME_IN_USE", "first; and then: third", { cause: met }), {
    isTerminal: false,
    isDebug: true,
  });
  const causes = text.split("\n").filter((line) => line.startsWith("debug: caused by"));
  expect(causes.map((line) => line.slice("debug: caused by ".length))).toEqual([
    "NAME_IN_USE: first",
    "below",
    "third",
  ]);
});

test("a cause that leads back to itself ends", () => {
  const error = new TsmanError("USAGE", "first");
  Object.defineProperty(error, "cause", { value: error });
  expect(errorText(error, { isTerminal: false, isDebug: true }).length).toBeLessThan(10_000);
});

test("control bytes are made visible on a terminal, and only there", () => {
  const error = new TsmanError("USAGE", "name \x1b[2J");
  expect(errorText(error, { ...plain, isTerminal: true })).toContain("name \\x1b[2J");
  expect(errorText(error, plain)).toContain("name \x1b[2J");
  expect(warningText("a\x07", true)).toBe("tsman: warning: a\\x07\n");
});
