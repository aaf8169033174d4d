import { describe, expect, test } from "vitest";
import {
  type EndedLife,
  hasRestartPolicy,
  type RestartPolicy,
  restartDelay,
  shouldRestart,
  startsWithMachine,
} from "../../../src/container/restart-policy.ts";

const failed: EndedLife = { exitCode: 1, restarts: 0, stoppedByUser: false };

describe("whether a container is started again", () => {
  test("never without a policy", () => {
    expect(shouldRestart(undefined, failed)).toBe(false);
    expect(shouldRestart({ policy: "no" }, failed)).toBe(false);
  });

  test.each(["always", "unless-stopped"] as const)("%s: however it ended", (policy) => {
    expect(shouldRestart({ policy }, failed)).toBe(true);
    expect(shouldRestart({ policy }, { ...failed, exitCode: 0, restarts: 1000 })).toBe(true);
  });

  test("on-failure: not after success, and an unknown status is none", () => {
    const policy: RestartPolicy = { policy: "on-failure" };
    expect(shouldRestart(policy, { ...failed, exitCode: 0 })).toBe(false);
    expect(shouldRestart(policy, { ...failed, exitCode: undefined })).toBe(true);
    expect(shouldRestart(policy, { ...failed, restarts: 1000 })).toBe(true);
  });

  test("on-failure:2 means two restarts", () => {
    const policy: RestartPolicy = { policy: "on-failure", maxRetries: 2 };
    const decide = (restarts: number) => shouldRestart(policy, { ...failed, restarts });
    expect([0, 1, 2, 3].map(decide)).toEqual([true, true, false, false]);
  });

  test.each(["always", "unless-stopped", "on-failure"] as const)(
    "%s: not when somebody stopped it",
    (policy) => expect(shouldRestart({ policy }, { ...failed, stoppedByUser: true })).toBe(false),
  );
});

describe("the back-off", () => {
  test("begins with 100 ms and doubles up to a minute", () => {
    expect([0, 1, 2, 3, 9, 10, 5000].map(restartDelay)).toEqual([
      100, 200, 400, 800, 51_200, 60_000, 60_000,
    ]);
  });
});

describe("what comes up with the machine", () => {
  test("always, even when it was stopped; unless-stopped when it was not", () => {
    expect(startsWithMachine({ policy: "always" }, true)).toBe(true);
    expect(startsWithMachine({ policy: "unless-stopped" }, false)).toBe(true);
    expect(startsWithMachine({ policy: "unless-stopped" }, true)).toBe(false);
    expect(startsWithMachine({ policy: "on-failure" }, false)).toBe(false);
    expect(startsWithMachine(undefined, false)).toBe(false);
  });
});

test("no policy and the policy no are the same", () => {
  expect(hasRestartPolicy(undefined)).toBe(false);
  expect(hasRestartPolicy({ policy: "no" })).toBe(false);
  expect(hasRestartPolicy({ policy: "on-failure" })).toBe(true);
});
