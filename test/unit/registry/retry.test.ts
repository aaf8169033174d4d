import { describe, expect, test } from "vitest";
import { TsmanError } from "../../../src/errors/index.ts";
import { RetryableError } from "../../../src/registry/failure.ts";
import { parseRetryAfter, retrying } from "../../../src/registry/retry.ts";
import type { RetryEvent } from "../../../src/registry/settings.ts";

const policy = { retries: 3, baseDelayMs: 1, maxDelayMs: 4, maxRetryAfterMs: 50 };
const failure = new TsmanError("REGISTRY_UNREACHABLE", "fetch: it is down");

/** Runs an attempt that fails `times` times with `error`; counts attempts and repetitions. */
async function run(times: number, error: Error, signal?: AbortSignal) {
  const events: RetryEvent[] = [];
  let attempts = 0;
  const onRetry = (event: RetryEvent) => {
    events.push(event);
  };
  const result = await retrying({ what: "x", policy, signal, onRetry }, async () => {
    attempts += 1;
    if (attempts <= times) throw error;
    return "done";
  }).catch((thrown: unknown) => thrown);
  return { result, attempts, events };
}

describe("repetition", () => {
  test("goes on until the attempt succeeds, saying each time why and how long it waits", async () => {
    const { result, attempts, events } = await run(3, new RetryableError(failure));
    expect(result).toBe("done");
    expect(attempts).toBe(4);
    expect(events.map(({ reason }) => reason)).toEqual(Array(3).fill("fetch: it is down"));
    for (const { delayMs } of events) expect(delayMs).toBeLessThanOrEqual(4);
  });

  test("ends with the failure itself when patience is at its end", async () => {
    const error = new RetryableError(failure);
    const { result, attempts } = await run(99, error);
    expect(result).toBe(error);
    expect(attempts).toBe(4);
  });

  test("is not made for what will not change", async () => {
    const { result, attempts } = await run(99, failure);
    expect(result).toBe(failure);
    expect(attempts).toBe(1);
  });

  test("waits as long as the registry asks, but not longer than allowed", async () => {
    const { events } = await run(1, new RetryableError(failure, 20));
    expect(events[0]?.delayMs).toBe(20);
    const { attempts } = await run(1, new RetryableError(failure, 51));
    expect(attempts).toBe(1);
  });

  test("ends at once when the caller gives up", async () => {
    const { result, attempts } = await run(
      99,
      new RetryableError(failure, 40),
      AbortSignal.timeout(5),
    );
    expect(result).toMatchObject({ name: "AbortError" });
    expect(attempts).toBe(1);
  });
});

describe("Retry-After", () => {
  const now = Date.parse("2024-05-01T12:00:00Z");
  test.each([
    ["0", 0],
    ["120", 120_000],
    [" 5 ", 5_000],
    ["Wed, 01 May 2024 12:01:00 GMT", 60_000],
    ["Wed, 01 May 2024 11:00:00 GMT", 0],
  ])("%j is a wait of %i ms", (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected);
  });

  test.each([undefined, "", "-5", "1e9", "soon", "99999999999999999999", "x".repeat(100_000)])(
    "%j says nothing",
    (header) => {
      expect(parseRetryAfter(header, now)).toBeUndefined();
    },
  );
});
