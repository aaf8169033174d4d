import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { UsernsRequest } from "../../../src/container/options.ts";
import { isTsmanError, TsmanError } from "../../../src/errors/index.ts";
import type { HostIds } from "../../../src/rootless/host-ids.ts";
import {
  type IdMapEntry,
  type IdMapping,
  resolveIdMapping,
  rootRangeStart,
} from "../../../src/rootless/id-mapping.ts";

const everything = [{ start: 0, count: 4_294_967_295 }];
const usableTools = {
  state: "usable",
  newuidmap: "/usr/bin/newuidmap",
  newgidmap: "/usr/bin/newgidmap",
} as const;

/** An ordinary user with one range, on an ordinary host. */
const user: HostIds = {
  uid: 1000,
  gid: 1001,
  userName: "ada",
  subuid: [{ start: 100_000, count: 65_536 }],
  subgid: [{ start: 200_000, count: 65_536 }],
  containersSubuid: [],
  containersSubgid: [],
  reservedUid: [{ start: 100_000, count: 65_536 }],
  reservedGid: [{ start: 200_000, count: 65_536 }],
  offeredUid: everything,
  offeredGid: everything,
  isNested: false,
  canSetIds: false,
  tools: usableTools,
};

const root: HostIds = {
  ...user,
  uid: 0,
  gid: 0,
  userName: "root",
  subuid: [],
  subgid: [],
  canSetIds: true,
};

/** Root of a container that was given 65537 ids. */
const nestedRoot: HostIds = {
  ...root,
  offeredUid: [
    { start: 0, count: 1 },
    { start: 1, count: 65_536 },
  ],
  offeredGid: [
    { start: 0, count: 1 },
    { start: 1, count: 65_536 },
  ],
  isNested: true,
};

const lines = (map: readonly IdMapEntry[]): string[] =>
  map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`);

function failureOf(request: UsernsRequest, host: HostIds): TsmanError {
  try {
    resolveIdMapping(request, host);
  } catch (error) {
    if (isTsmanError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("the id mapping of an ordinary user", () => {
  const table: {
    name: string;
    request: UsernsRequest;
    host: HostIds;
    uid: string[];
    gid: string[];
  }[] = [
    {
      name: "container 0 is the caller, the rest its range",
      request: { mode: "default" },
      host: user,
      uid: ["0 1000 1", "1 100000 65536"],
      gid: ["0 1001 1", "1 200000 65536"],
    },
    {
      name: "several ranges follow each other in their order",
      request: { mode: "default" },
      host: {
        ...user,
        subuid: [
          { start: 500_000, count: 1000 },
          { start: 300_000, count: 64_536 },
        ],
      },
      uid: ["0 1000 1", "1 500000 1000", "1001 300000 64536"],
      gid: ["0 1001 1", "1 200000 65536"],
    },
    {
      name: "ranges that overlap are used once",
      request: { mode: "default" },
      host: {
        ...user,
        subuid: [
          { start: 100_000, count: 10 },
          { start: 100_005, count: 10 },
        ],
      },
      uid: ["0 1000 1", "1 100000 10", "11 100010 5"],
      gid: ["0 1001 1", "1 200000 65536"],
    },
    {
      name: "a range that holds the caller and the superuser gives neither away",
      request: { mode: "default" },
      host: { ...user, subuid: [{ start: 0, count: 2000 }] },
      uid: ["0 1000 1", "1 1 999", "1000 1001 999"],
      gid: ["0 1001 1", "1 200000 65536"],
    },
    {
      name: "keep-id leaves the caller its number and splits the range around it",
      request: { mode: "keep-id" },
      host: user,
      uid: ["0 100000 1000", "1000 1000 1", "1001 101000 64536"],
      gid: ["0 200000 1001", "1001 1001 1", "1002 201001 64535"],
    },
    {
      name: "keep-id:uid,gid puts the caller there",
      request: { mode: "keep-id", uid: 5, gid: 0 },
      host: user,
      uid: ["0 100000 5", "5 1000 1", "6 100005 65531"],
      gid: ["0 1001 1", "1 200000 65536"],
    },
    {
      name: "keep-id beyond the range leaves a gap",
      request: { mode: "keep-id", uid: 1_000_000, gid: 65_536 },
      host: user,
      uid: ["0 100000 65536", "1000000 1000 1"],
      gid: ["0 200000 65536", "65536 1001 1"],
    },
    {
      name: "nomap leaves the caller out",
      request: { mode: "nomap" },
      host: user,
      uid: ["0 100000 65536"],
      gid: ["0 200000 65536"],
    },
    {
      name: "inside a container only what exists there is used",
      request: { mode: "default" },
      host: {
        ...user,
        isNested: true,
        offeredUid: [{ start: 0, count: 110_000 }],
        offeredGid: [{ start: 0, count: 210_000 }],
      },
      uid: ["0 1000 1", "1 100000 10000"],
      gid: ["0 1001 1", "1 200000 10000"],
    },
  ];

  it.each(table)("$name", ({ request, host, uid, gid }) => {
    const mapping = resolveIdMapping(request, host);
    expect(lines(mapping.uid)).toEqual(uid);
    expect(lines(mapping.gid)).toEqual(gid);
    expect(mapping).toMatchObject({ single: false, denySetgroups: false });
    expect(mapping.warning).toBeUndefined();
    expect(mapping.tools).toEqual({
      newuidmap: "/usr/bin/newuidmap",
      newgidmap: "/usr/bin/newgidmap",
    });
  });

  it("is written directly by a caller that may", () => {
    const mapping = resolveIdMapping({ mode: "default" }, { ...user, canSetIds: true });
    expect(mapping.tools).toBeUndefined();
    expect(mapping.uid).toHaveLength(2);
  });

  it("has a key that depends on nothing but the maps", () => {
    const one = resolveIdMapping({ mode: "default" }, user);
    const same = resolveIdMapping(
      { mode: "keep-id", uid: 0, gid: 0 },
      { ...user, canSetIds: true },
    );
    const other = resolveIdMapping({ mode: "keep-id" }, user);
    expect(one.key).toMatch(/^[0-9a-f]{16}$/);
    expect(same.key).toBe(one.key);
    expect(other.key).not.toBe(one.key);
  });

  it("says of every line where it comes from", () => {
    const { uid } = resolveIdMapping({ mode: "keep-id" }, user);
    expect(uid.map((entry) => entry.because)).toEqual([
      "your range in /etc/subuid",
      "you, --userns=keep-id",
      "your range in /etc/subuid",
    ]);
  });
});

describe("the mapping of one id", () => {
  const without: { name: string; host: HostIds; because: RegExp }[] = [
    {
      name: "no range of uids",
      host: { ...user, subuid: [] },
      because: /ada has no range in \/etc\/subuid.*--add-subuids 265536-331071 .* ada$/,
    },
    {
      name: "no range of gids",
      host: { ...user, subgid: [] },
      because: /ada has no range in \/etc\/subgid/,
    },
    {
      name: "no newuidmap",
      host: {
        ...user,
        tools: { state: "missing", because: "newuidmap is not installed", remedy: "install it" },
      },
      because: /newuidmap is not installed.*install it/,
    },
    {
      name: "a range that does not exist in the container around us",
      host: {
        ...user,
        isNested: true,
        offeredUid: [{ start: 0, count: 65_537 }],
        offeredGid: [{ start: 0, count: 65_537 }],
      },
      because: /does not exist in this container/,
    },
  ];

  it.each(without)(
    "is the fallback for $name, with a warning and a remedy",
    ({ host, because }) => {
      const mapping = resolveIdMapping({ mode: "default" }, host);
      expect(lines(mapping.uid)).toEqual(["0 1000 1"]);
      expect(lines(mapping.gid)).toEqual(["0 1001 1"]);
      expect(mapping.warning).toMatch(because);
      expect(mapping.single).toBe(true);
      expect(mapping.tools).toBeUndefined();
    },
  );

  // S21: CVE-2014-8989.
  it("denies setgroups, so that no group can be dropped that denies something", () => {
    const mapping = resolveIdMapping({ mode: "default" }, { ...user, subuid: [] });
    expect(mapping.denySetgroups).toBe(true);
  });

  it.each([{ mode: "nomap" }, { mode: "keep-id" }, { mode: "keep-id", uid: 0, gid: 5 }] as const)(
    "cannot be had with $mode: an error with the remedy",
    (request) => {
      const error = failureOf(request, { ...user, subuid: [] });
      expect(error.code).toBe("PREFLIGHT_SUBID");
      expect(error.hint).toMatch(/usermod --add-subuids/);
    },
  );

  it("is what keep-id at 0 means", () => {
    const mapping = resolveIdMapping({ mode: "keep-id", uid: 0, gid: 0 }, { ...user, subuid: [] });
    expect(lines(mapping.uid)).toEqual(["0 1000 1"]);
  });
});

describe("the id mapping of root", () => {
  it("is root's own range where it has one", () => {
    const mapping = resolveIdMapping(
      { mode: "default" },
      {
        ...root,
        subuid: [{ start: 700_000, count: 65_536 }],
        subgid: [{ start: 800_000, count: 65_536 }],
      },
    );
    expect(lines(mapping.uid)).toEqual(["0 700000 65536"]);
    expect(lines(mapping.gid)).toEqual(["0 800000 65536"]);
    expect(mapping).toMatchObject({ single: false, denySetgroups: false });
    expect(mapping.tools).toBeUndefined();
  });

  it('is else the range of "containers", not all of it', () => {
    const containers = [{ start: 2_147_483_647, count: 1_000_000 }];
    const mapping = resolveIdMapping(
      { mode: "default" },
      { ...root, containersSubuid: containers, containersSubgid: containers },
    );
    expect(lines(mapping.uid)).toEqual(["0 2147483647 65536"]);
  });

  it("is else a fixed range", () => {
    const mapping = resolveIdMapping({ mode: "nomap" }, root);
    expect(lines(mapping.uid)).toEqual([`0 ${rootRangeStart} 65536`]);
  });

  it("moves the fixed range out of the way of everybody's ranges", () => {
    const reserved = [{ start: rootRangeStart - 10, count: 100 }];
    const mapping = resolveIdMapping({ mode: "default" }, { ...root, reservedUid: reserved });
    expect(lines(mapping.uid)).toEqual([`0 ${rootRangeStart + 90} 65536`]);
    expect(lines(mapping.gid)).toEqual([`0 ${rootRangeStart} 65536`]);
  });

  it("is refused when every id of the fixed range's stretch is somebody's", () => {
    const error = failureOf({ mode: "default" }, { ...root, reservedUid: everything });
    expect(error.code).toBe("PREFLIGHT_SUBID");
    expect(error.hint).toMatch(/--add-subuids \S+ .* root \(/);
  });

  it("is never keep-id", () => {
    expect(failureOf({ mode: "keep-id" }, root).code).toBe("OPTION_UNSUPPORTED");
    expect(failureOf({ mode: "keep-id", uid: 1000 }, nestedRoot).code).toBe("OPTION_UNSUPPORTED");
  });

  it("is refused without the capabilities to map anything but root itself", () => {
    const error = failureOf({ mode: "default" }, { ...root, canSetIds: false });
    expect(error.code).toBe("PREFLIGHT_USERNS");
    expect(error.message).toMatch(/CAP_SETUID/);
  });

  it("is, inside another container, what that one has besides its own root", () => {
    const mapping = resolveIdMapping({ mode: "default" }, nestedRoot);
    expect(lines(mapping.uid)).toEqual(["0 1 65536"]);
    expect(mapping.tools).toBeUndefined();
  });

  it("is one id inside a container that has only one", () => {
    const one = [{ start: 0, count: 1 }];
    const mapping = resolveIdMapping(
      { mode: "default" },
      { ...nestedRoot, offeredUid: one, offeredGid: one },
    );
    expect(lines(mapping.uid)).toEqual(["0 0 1"]);
    expect(mapping).toMatchObject({ single: true, denySetgroups: true });
    expect(mapping.warning).toMatch(/outer container/);
  });
});

describe("every id mapping", () => {
  const range = fc.record({
    start: fc.integer({ min: 0, max: 4_000_000_000 }),
    count: fc.integer({ min: 1, max: 200_000 }),
  });
  const ranges = fc.array(range, { maxLength: 6 });
  const id = fc.integer({ min: 1, max: 70_000 });
  const hosts: fc.Arbitrary<HostIds> = fc
    .record({
      uid: fc.oneof(fc.constant(0), id),
      gid: id,
      subuid: ranges,
      subgid: ranges,
      containersSubuid: ranges,
      containersSubgid: ranges,
      offered: fc.option(fc.array(range, { minLength: 1, maxLength: 4 }), { nil: undefined }),
      canSetIds: fc.boolean(),
      hasTools: fc.boolean(),
    })
    .map(({ offered, hasTools, ...facts }) => ({
      ...user,
      ...facts,
      gid: facts.uid === 0 ? 0 : facts.gid,
      isNested: offered !== undefined,
      offeredUid: offered ?? everything,
      offeredGid: offered ?? everything,
      reservedUid: facts.subuid,
      reservedGid: facts.subgid,
      tools: hasTools ? usableTools : { state: "missing", because: "none", remedy: "install" },
    }));
  const requests: fc.Arbitrary<UsernsRequest> = fc.oneof(
    fc.constant({ mode: "default" } as const),
    fc.constant({ mode: "nomap" } as const),
    fc.record({
      mode: fc.constant("keep-id" as const),
      uid: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
      gid: fc.option(fc.integer({ min: 0, max: 100_000 }), { nil: undefined }),
    }),
  );

  const forEveryMapping = (
    check: (mapping: IdMapping, host: HostIds, request: UsernsRequest) => void,
  ): void => {
    let mappings = 0;
    fc.assert(
      fc.property(requests, hosts, (request, host) => {
        let mapping: IdMapping;
        try {
          mapping = resolveIdMapping(request, host);
        } catch (error) {
          // A refusal is an answer too, if it is one that a user can act on.
          expect(error).toBeInstanceOf(TsmanError);
          expect(isTsmanError(error, "INTERNAL")).toBe(false);
          return;
        }
        mappings += 1;
        check(mapping, host, request);
      }),
      { numRuns: 400 },
    );
    expect(mappings).toBeGreaterThan(100);
  };

  const overlaps = (map: readonly IdMapEntry[], side: "inside" | "outside"): boolean => {
    const sorted = map.toSorted((a, b) => a[side] - b[side]);
    return sorted.some((entry, index) => {
      const next = sorted[index + 1];
      return next !== undefined && entry[side] + entry.count > next[side];
    });
  };
  const outsideOf = (map: readonly IdMapEntry[], inside: number): number | undefined => {
    const entry = map.find((each) => inside >= each.inside && inside < each.inside + each.count);
    return entry === undefined ? undefined : entry.outside + inside - entry.inside;
  };
  const holds = (map: readonly IdMapEntry[], outside: number): boolean =>
    map.some((each) => outside >= each.outside && outside < each.outside + each.count);

  it("never names an id twice, inside or outside", () => {
    forEveryMapping(({ uid, gid }) => {
      for (const map of [uid, gid]) {
        expect(overlaps(map, "inside")).toBe(false);
        expect(overlaps(map, "outside")).toBe(false);
      }
    });
  });

  it("has an id 0, which puts the container together", () => {
    forEveryMapping(({ uid, gid }) => {
      expect(outsideOf(uid, 0)).toBeDefined();
      expect(outsideOf(gid, 0)).toBeDefined();
    });
  });

  it("fits what the kernel takes in one write", () => {
    forEveryMapping(({ uid, gid }) => {
      for (const map of [uid, gid]) {
        expect(map.length).toBeGreaterThan(0);
        expect(map.length).toBeLessThanOrEqual(340);
        expect(lines(map).join("\n").length).toBeLessThan(4096);
        for (const entry of map) {
          expect(entry.count).toBeGreaterThan(0);
          expect(entry.inside + entry.count).toBeLessThanOrEqual(4_294_967_295);
          expect(entry.outside + entry.count).toBeLessThanOrEqual(4_294_967_295);
        }
      }
    });
  });

  it("never maps the host's root, and root never maps itself", () => {
    forEveryMapping((mapping, host) => {
      if (host.isNested && mapping.single) return;
      expect(holds(mapping.uid, 0)).toBe(false);
      expect(holds(mapping.gid, 0)).toBe(false);
    });
  });

  it("makes an ordinary caller the container's root by default, and nobody else", () => {
    forEveryMapping((mapping, host, request) => {
      if (host.uid === 0) return;
      if (request.mode === "default") {
        expect(outsideOf(mapping.uid, 0)).toBe(host.uid);
        expect(outsideOf(mapping.gid, 0)).toBe(host.gid);
      } else if (request.mode === "nomap") {
        expect(holds(mapping.uid, host.uid)).toBe(false);
      } else if (request.mode === "keep-id") {
        expect(outsideOf(mapping.uid, request.uid ?? host.uid)).toBe(host.uid);
        expect(outsideOf(mapping.gid, request.gid ?? host.gid)).toBe(host.gid);
      }
    });
  });

  it("uses only ids that the caller was given and that exist around it", () => {
    forEveryMapping((mapping, host) => {
      const given = [...host.subuid, ...host.containersSubuid, ...host.offeredUid];
      for (const { outside, count } of mapping.uid) {
        if (outside === host.uid && count === 1) continue;
        const isWithin = (range: { start: number; count: number }): boolean =>
          outside >= range.start && outside + count <= range.start + range.count;
        expect(host.offeredUid.some(isWithin)).toBe(true);
        expect(given.some(isWithin)).toBe(true);
        if (host.uid !== 0) expect(host.subuid.some(isWithin)).toBe(true);
      }
    });
  });
});
