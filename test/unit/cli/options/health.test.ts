import { describe, expect, it } from "vitest";
import {
  type HealthValues,
  healthOptions,
  parseHealthCommand,
  parseInterval,
  parseTimeout,
} from "../../../../src/cli/options/health.ts";

const nothing: HealthValues = {
  "health-cmd": undefined,
  "health-interval": undefined,
  "health-on-failure": undefined,
  "health-retries": undefined,
  "health-start-interval": undefined,
  "health-start-period": undefined,
  "health-startup-cmd": undefined,
  "health-startup-interval": undefined,
  "health-startup-retries": undefined,
  "health-startup-success": undefined,
  "health-startup-timeout": undefined,
  "health-timeout": undefined,
  "no-healthcheck": false,
};

describe("--health-cmd", () => {
  it.each([
    ["curl -f x || exit 1", ["CMD-SHELL", "curl -f x || exit 1"]],
    ['["curl","-f"]', ["CMD", "curl", "-f"]],
    ['["CMD","curl"]', ["CMD", "curl"]],
    ['["CMD-SHELL","a b"]', ["CMD-SHELL", "a b"]],
    ["none", ["NONE"]],
    ['["NONE"]', ["NONE"]],
  ])("%j is %j", (text, test) => {
    expect(parseHealthCommand(text, "--health-cmd")).toEqual(test);
  });

  it.each(["", "[]", "[1]", '["CMD"]', '["CMD-SHELL"]', "[x"])("%j is refused", (text) => {
    expect(() => parseHealthCommand(text, "--health-cmd")).toThrow("--health-cmd");
  });
});

describe("durations", () => {
  it("are Go's, or seconds, and an interval may be disabled", () => {
    expect(parseInterval("1m30s", "-")).toBe(90_000);
    expect(parseInterval("5", "-")).toBe(5000);
    expect(parseInterval("disable", "-")).toBe(0);
    expect(parseTimeout("500ms", "-")).toBe(500);
  });

  it.each(["-1s", "abc", "", "9999h", "1d"])("%j is refused", (text) => {
    expect(() => parseInterval(text, "--health-interval")).toThrow("--health-interval");
  });

  it.each(["0s", "0", "1us"])("%j is too short for a time-out", (text) => {
    expect(() => parseTimeout(text, "--health-timeout")).toThrow("shorter than a millisecond");
  });
});

describe("the health options", () => {
  it("are missing when nothing is said", () => {
    expect(healthOptions(nothing)).toBeUndefined();
  });

  it("turn an image's check off with --no-healthcheck", () => {
    expect(healthOptions({ ...nothing, "no-healthcheck": true })).toEqual({ test: ["NONE"] });
  });

  it("cannot be combined with --no-healthcheck", () => {
    const values = { ...nothing, "no-healthcheck": true, "health-retries": 2 };
    expect(() => healthOptions(values)).toThrow("--no-healthcheck");
  });

  it("have a startup check only with its command", () => {
    const startup = { "health-startup-retries": 2, "health-startup-success": 3 };
    expect(() => healthOptions({ ...nothing, ...startup })).toThrow("--health-startup-cmd");
    const test = ["CMD", "x"];
    expect(healthOptions({ ...nothing, ...startup, "health-startup-cmd": test })).toEqual({
      startup: { test, retries: 2, successes: 3 },
    });
  });
});
