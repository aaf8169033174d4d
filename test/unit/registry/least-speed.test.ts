import { expect, it } from "vitest";
import { atLeastAsFast, SlowTransferError } from "../../../src/registry/least-speed.ts";

/** How many bytes arrive of pieces of `bytes`, each of which takes so long to come and to be taken. */
async function arrived(
  pieces: readonly (readonly [bytes: number, comesAfter: number, takes: number])[],
  bytesPerSecond: number,
): Promise<number | "too slow"> {
  let clock = 0;
  async function* body() {
    for (const [bytes, comesAfter] of pieces) {
      clock += comesAfter;
      yield Buffer.alloc(bytes);
    }
  }
  let total = 0;
  let index = 0;
  const limits = { bytesPerSecond, periodMs: 1000, now: () => clock };
  try {
    for await (const piece of atLeastAsFast(body(), limits)) {
      total += piece.length;
      clock += pieces[index]?.[2] ?? 0;
      index += 1;
    }
  } catch (error) {
    if (error instanceof SlowTransferError) return "too slow";
    throw error;
  }
  return total;
}

it.each([
  [
    "as fast as it has to be",
    [
      [60, 500, 0],
      [60, 500, 0],
      [1, 999, 0],
    ],
    121,
  ],
  [
    "a drip",
    [
      [1, 400, 0],
      [1, 400, 0],
      [1, 400, 0],
    ],
    "too slow",
  ],
  [
    "slow for a while, but not on average",
    [
      [1, 900, 0],
      [99, 100, 0],
      [100, 1000, 0],
    ],
    200,
  ],
  [
    "fast at first, then a drip",
    [
      [1000, 1000, 0],
      [9, 600, 0],
      [9, 600, 0],
    ],
    "too slow",
  ],
  [
    "taken slowly",
    [
      [10, 10, 5000],
      [10, 10, 5000],
      [10, 10, 5000],
    ],
    30,
  ],
] as const)("%s", async (_, pieces, expected) => {
  expect(await arrived(pieces, 100)).toBe(expected);
});

it("any speed will do where none is asked for", async () => {
  expect(
    await arrived(
      [
        [1, 5000, 0],
        [1, 5000, 0],
      ],
      0,
    ),
  ).toBe(2);
});
