import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ChosenMapping,
  chosenMap,
  type IdSupply,
} from "../../../src/rootless/chosen-mapping.ts";
import type { ExplainedIdMapEntry } from "../../../src/rootless/lay-out-ids.ts";
import { thrownError } from "../cli/thrown-error.ts";

/** Of user 1000 with 100000 to 165535. */
const supply: IdSupply = {
  kind: "uid",
  pool: [{ start: 100_000, count: 65_536 }],
  base: [
    { inside: 0, outside: 1000, count: 1, because: "you" },
    { inside: 1, outside: 100_000, count: 65_536, because: "yours" },
  ],
  taken: [],
  rangesOf: (name) =>
    ({ ada: [{ start: 100_000, count: 65_536 }], bob: [{ start: 500_000, count: 10 }] })[name] ??
    [],
};

const line = (inside: number, outside: number, count: number, isHostId = false) => ({
  inside,
  outside,
  count,
  isHostId,
});
const map = (...lines: ReturnType<typeof line>[]): ChosenMapping => ({
  mode: "map",
  uid: lines,
  gid: [],
});
const auto = (size?: number, ...uid: ReturnType<typeof line>[]): ChosenMapping => ({
  mode: "auto",
  size,
  uid,
  gid: [],
});
const text = (entries: readonly ExplainedIdMapEntry[]) =>
  entries.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`);
const resolve = (request: ChosenMapping, changes: Partial<IdSupply> = {}) =>
  text(chosenMap(request, { ...supply, ...changes }));

describe("a map that the user writes", () => {
  it.each([
    ["counts from the caller", map(line(0, 0, 1), line(1, 1, 1000)), ["0 1000 1", "1 100000 1000"]],
    ["may cross from the caller to its ids", map(line(0, 0, 3)), ["0 1000 1", "1 100000 2"]],
    ["may leave the caller out", map(line(0, 1, 10)), ["0 100000 10"]],
    ["may name ids of the host", map(line(0, 100_005, 2, true)), ["0 100005 2"]],
    ["may leave gaps", map(line(0, 1, 1), line(500, 0, 1)), ["0 100000 1", "500 1000 1"]],
  ])("%s", (_, request, expected) => {
    expect(resolve(request)).toEqual(expected);
  });

  it.each([
    ["with ids of others", map(line(0, 65_537, 1)), "not all of these ids are yours"],
    ["beyond the range", map(line(0, 65_530, 8)), "not all of these ids are yours"],
    ["with root of the host", map(line(0, 0, 1, true)), "not all of these ids are yours"],
    ["of nothing", map(line(0, 0, 0)), "no such ids"],
    ["beyond all ids", map(line(4_294_967_294, 0, 2)), "no such ids"],
    ["without id 0", map(line(1, 0, 1)), "maps no uid 0"],
    ["that names an id twice inside", map(line(0, 0, 2), line(1, 5, 1)), "the same uids of the co"],
    [
      "that names an id twice outside",
      map(line(0, 5, 2), line(9, 6, 1)),
      "the same uids of the ho",
    ],
  ])("%s is refused", (_, request, why) => {
    expect(thrownError(() => resolve(request))).toMatchObject({
      code: "USAGE",
      message: expect.stringContaining(why),
    });
  });
});

describe("an automatic map", () => {
  it("takes ids that no other container has, in one piece, first the lowest", () => {
    expect(resolve(auto())).toEqual(["0 100000 1024"]);
    const taken = [{ start: 100_000, count: 1024 }];
    expect(resolve(auto(), { taken })).toEqual(["0 101024 1024"]);
    expect(resolve(auto(10), { taken: [{ start: 100_004, count: 100 }] })).toEqual(["0 100104 10"]);
  });

  it("puts ids together where no piece is large enough", () => {
    const pool = [
      { start: 10, count: 3 },
      { start: 20, count: 4 },
    ];
    expect(resolve(auto(6), { pool })).toEqual(["0 10 3", "3 20 3"]);
  });

  it("maps what it is told to, and the rest around it", () => {
    expect(resolve(auto(5, line(2, 0, 1)))).toEqual(["0 100000 2", "2 1000 1", "3 100002 2"]);
  });

  it("says who has the ids when too few are left", () => {
    const taken = [{ start: 100_000, count: 65_000 }];
    expect(thrownError(() => resolve(auto(), { taken }))).toMatchObject({
      code: "PREFLIGHT_SUBID",
      message:
        "use --userns=auto: 1024 uids are wanted, 536 are free, and 65000 belong to other containers",
    });
  });

  it("never overlaps what is taken, and has as many ids as asked for", () => {
    const range = fc.record({
      start: fc.integer({ min: 99_000, max: 166_000 }),
      count: fc.integer({ min: 1, max: 5000 }),
    });
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 8 }),
        fc.integer({ min: 1, max: 5000 }),
        (taken, size) => {
          const entries = chosenMap(auto(size), { ...supply, taken });
          expect(entries.reduce((sum, { count }) => sum + count, 0)).toBe(size);
          for (const { outside, count } of entries) {
            expect(outside >= 100_000 && outside + count <= 165_536).toBe(true);
            for (const other of taken) {
              expect(outside + count <= other.start || other.start + other.count <= outside).toBe(
                true,
              );
            }
          }
        },
      ),
    );
  });
});

describe("a map by name", () => {
  const named = (name: string): ChosenMapping => ({ mode: "subid", uid: name, gid: name });

  it("is that of the file, if the caller may map it", () => {
    expect(resolve(named("ada"))).toEqual(["0 100000 65536"]);
    expect(thrownError(() => resolve(named("bob"))).message).toContain("not yours to map");
    expect(thrownError(() => resolve(named("eve"))).message).toContain("eve has no range");
  });
});
