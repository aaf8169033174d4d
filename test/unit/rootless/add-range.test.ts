import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addRangeRemedy, type GivenRanges } from "../../../src/rootless/add-range.ts";

const everything = [{ start: 0, count: 4_294_967_295 }];
const nobody: GivenRanges = {
  reservedUid: [],
  reservedGid: [],
  offeredUid: everything,
  offeredGid: everything,
};
const rangeIn = (remedy: string) => {
  const [, first, last] = /--add-subuids (\d+)-(\d+) --add-subgids \1-\2 ada$/.exec(remedy) ?? [];
  return { first: Number(first), last: Number(last) };
};

describe("the command that gives a user subordinate ids", () => {
  it("names the first range where nobody has one", () => {
    expect(addRangeRemedy("ada", nobody)).toBe(
      "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada",
    );
  });

  it("names one that no other user has, as user ids or as group ids", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ start: fc.nat(2_000_000), count: fc.nat(200_000) })),
        fc.array(fc.record({ start: fc.nat(2_000_000), count: fc.nat(200_000) })),
        (reservedUid, reservedGid) => {
          const remedy = addRangeRemedy("ada", { ...nobody, reservedUid, reservedGid });
          const { first, last } = rangeIn(remedy);
          expect(last - first).toBe(65_535);
          expect(first).toBeGreaterThanOrEqual(100_000);
          for (const { start, count } of [...reservedUid, ...reservedGid]) {
            expect(count === 0 || start > last || start + count <= first).toBe(true);
          }
        },
      ),
    );
  });

  it("makes nothing up where no such range is left or none exists", () => {
    const inContainer = { ...nobody, offeredGid: [{ start: 0, count: 65_537 }] };
    expect(addRangeRemedy("ada", inContainer)).toMatch(
      /--add-subuids FIRST-LAST .* ada \(65536 ids/,
    );
    expect(addRangeRemedy("ada", { ...nobody, reservedUid: everything })).toContain("FIRST-LAST");
  });
});
