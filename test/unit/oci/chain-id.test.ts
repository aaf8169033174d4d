import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { chainIds } from "../../../src/oci/chain-id.ts";
import { parseDiffId } from "../../../src/oci/digest.ts";

const diffIds = ["a", "b", "c"].map((digit) => parseDiffId(`sha256:${digit.repeat(64)}`));

function sha256(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

test("the chainID of the lowest layer is its diffID", () => {
  expect(chainIds(diffIds.slice(0, 1))).toEqual([diffIds[0]]);
});

test("a chainID covers everything below it", () => {
  const second = sha256(`${diffIds[0]} ${diffIds[1]}`);
  const third = sha256(`${second} ${diffIds[2]}`);
  expect(chainIds(diffIds)).toEqual([diffIds[0], second, third]);
});

test("no layers make no chain", () => {
  expect(chainIds([])).toEqual([]);
});
