import { describe, expect, it } from "vitest";
import { healthPolicy, mayRestart } from "../../../src/container/health-policy.ts";

const image = {
  healthcheck: {
    test: ["CMD", "curl", "-f", "localhost"],
    interval: 5e9,
    timeout: 2e9,
    startPeriod: 1e9,
    startInterval: 0.5e9,
    retries: 7,
  },
};

describe("the checks of a container", () => {
  it("are none when nobody asks for one", () => {
    expect(healthPolicy(undefined, undefined)).toBeUndefined();
    expect(healthPolicy(undefined, {})).toBeUndefined();
    expect(healthPolicy({}, { healthcheck: { test: [] } })).toBeUndefined();
  });

  it("are the image's, its nanoseconds as milliseconds", () => {
    expect(healthPolicy(undefined, image)).toEqual({
      test: ["CMD", "curl", "-f", "localhost"],
      command: ["curl", "-f", "localhost"],
      intervalMs: 5000,
      timeoutMs: 2000,
      retries: 7,
      startPeriodMs: 1000,
      startIntervalMs: 500,
      onFailure: "none",
      startup: undefined,
    });
  });

  it("take each option over the image's", () => {
    expect(healthPolicy({ intervalMs: 0, retries: 1, onFailure: "kill" }, image)).toMatchObject({
      command: ["curl", "-f", "localhost"],
      intervalMs: 0,
      timeoutMs: 2000,
      retries: 1,
      onFailure: "kill",
    });
  });

  it("have Docker's defaults", () => {
    const policy = healthPolicy({ test: ["CMD-SHELL", "true"] }, undefined);
    expect(policy).toMatchObject({
      command: ["/bin/sh", "-c", "true"],
      intervalMs: 30_000,
      timeoutMs: 30_000,
      retries: 3,
      startPeriodMs: 0,
    });
  });

  it("use the image's shell", () => {
    const shell = ["/bin/ash", "-eo", "pipefail", "-c"];
    expect(healthPolicy({ test: ["CMD-SHELL", "a | b"] }, { shell })?.command).toEqual([
      ...shell,
      "a | b",
    ]);
  });

  it.each([
    ["an option", { test: ["NONE"] }, image],
    ["the image", undefined, { healthcheck: { test: ["NONE"] } }],
  ])("are turned off by %s", (_who, options, from) => {
    expect(healthPolicy(options, from)).toBeUndefined();
  });

  it("are refused when options say how to check, but nobody what", () => {
    expect(() => healthPolicy({ intervalMs: 1000 }, {})).toThrow(
      expect.objectContaining({ code: "USAGE", hint: expect.stringContaining("--health-cmd") }),
    );
  });

  it("survive an image whose numbers are nonsense", () => {
    const healthcheck = { test: ["CMD", "x"], interval: -1, timeout: 1e300, retries: 0 };
    expect(healthPolicy(undefined, { healthcheck })).toMatchObject({
      intervalMs: 30_000,
      timeoutMs: 0xffff_ffff,
      retries: 3,
    });
  });

  it("may restart the container when they are told to", () => {
    const startup = { test: ["CMD", "x"] };
    const test = ["CMD", "x"];
    expect(mayRestart(undefined)).toBe(false);
    expect(mayRestart(healthPolicy({ test, startup }, undefined))).toBe(false);
    expect(mayRestart(healthPolicy({ test, onFailure: "restart" }, undefined))).toBe(true);
    const retried = healthPolicy({ test, startup: { ...startup, retries: 2 } }, undefined);
    expect(mayRestart(retried)).toBe(true);
  });
});
