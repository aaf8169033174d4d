import { expect, test } from "vitest";
import { parseRestart } from "../../../../src/cli/options/restart.ts";

const parse = (text: string) => parseRestart(text, "--restart");

test("names of policies, Podman's never and Docker's empty one included", () => {
  for (const text of ["no", "never", ""]) expect(parse(text)).toEqual({ policy: "no" });
  for (const policy of ["always", "unless-stopped", "on-failure"]) {
    expect(parse(policy)).toEqual({ policy });
  }
});

test("on-failure takes a number of times, of which 0 is no limit", () => {
  expect(parse("on-failure:3")).toEqual({ policy: "on-failure", maxRetries: 3 });
  expect(parse("on-failure:0")).toEqual({ policy: "on-failure" });
});

test.each([
  "sometimes",
  "Always",
  "always:3",
  "unless-stopped:1",
  "on-failure:",
  "on-failure:-1",
  "on-failure:1.5",
  "on-failure:99999999999",
  "on-failure:2147483648",
  "on-failure:1 ",
])("refuses %j, and says what there is", (text) => {
  expect(() => parse(text)).toThrow(/--restart/);
  try {
    parse(text);
  } catch (error) {
    expect((error as { hint?: string }).hint).toContain("on-failure:TIMES");
  }
});
