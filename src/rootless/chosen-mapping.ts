import type { IdMapRequest, UsernsRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import {
  countIds,
  type IdRange,
  idLimit,
  intersectRanges,
  subtractRanges,
  takeIds,
} from "./id-range.ts";
import { type ExplainedIdMapEntry, layOutIds } from "./lay-out-ids.ts";

/** Mappings that a user has a say in beyond the place of its own id. */
export type ChosenMapping = Extract<UsernsRequest, { mode: "auto" | "map" | "subid" }>;

/** What of the host they are made of; one for uids and one for gids. */
export interface IdSupply {
  readonly kind: "uid" | "gid";
  /** Subordinate ids that may be mapped. */
  readonly pool: readonly IdRange[];
  /** The default mapping: what `--uidmap` counts from, `0` being the caller. */
  readonly base: readonly ExplainedIdMapEntry[];
  /** Host ids of other containers with a mapping of their own. */
  readonly taken: readonly IdRange[];
  /** Ranges of a name in /etc/subuid or /etc/subgid. */
  readonly rangesOf: (name: string) => readonly IdRange[];
}

/** The size of `--userns=auto` where nobody says one: Podman's least. */
const autoSize = 1024;
/** What the kernel and newuidmap take in one write: see maxRanges in id-mapping.ts. */
const maxEntries = 100;

/**
 * Decides the map of uids or of gids for `--userns=auto`, `--uidmap` and `--subuidname`; pure.
 *
 * @throws TsmanError USAGE for a map that cannot be meant: it overlaps, has no id 0, or names ids
 * that are not the caller's; PREFLIGHT_SUBID when there are too few ids left
 */
export function chosenMap(
  request: ChosenMapping,
  supply: IdSupply,
): readonly ExplainedIdMapEntry[] {
  const option = optionOf(request, supply.kind);
  const entries = entriesOf(request, supply, option);
  assertDisjoint(entries, "inside", `${supply.kind}s of the container`, option);
  assertDisjoint(entries, "outside", `${supply.kind}s of the host`, option);
  if (entries.length > maxEntries) {
    throw new TsmanError("USAGE", `use ${option}: it has ${entries.length} ranges`, {
      hint: `use at most ${maxEntries}`,
    });
  }
  if (entries.some(({ inside }) => inside === 0)) return entries;
  throw new TsmanError("USAGE", `use ${option}: it maps no ${supply.kind} 0 of the container`, {
    hint: `a container is put together by its id 0: add for instance ${option.split(" ")[0]} 0:0:1`,
  });
}

/** How the user writes it. */
export function optionOf(request: ChosenMapping, kind: "uid" | "gid"): string {
  if (request.mode === "auto") return "--userns=auto";
  return request.mode === "map" ? `--${kind}map` : `--sub${kind}name`;
}

function entriesOf(
  request: ChosenMapping,
  supply: IdSupply,
  option: string,
): readonly ExplainedIdMapEntry[] {
  const { kind } = supply;
  switch (request.mode) {
    case "map":
      return request[kind].flatMap((line) => translated(line, supply, option));
    case "subid": {
      const name = request[kind];
      const ranges = supply.rangesOf(name);
      const own = intersectRanges(ranges, supply.pool);
      if (countIds(own) > 0) {
        return layOutIds({ pool: own, poolOrigin: `the range of ${name} in /etc/sub${kind}` });
      }
      throw new TsmanError(
        "PREFLIGHT_SUBID",
        `use ${option} ${name}: ${ranges.length === 0 ? `${name} has no range in /etc/sub${kind}` : "its range is not yours to map"}`,
        { hint: "name yourself, or leave it out" },
      );
    }
    case "auto":
      return automatic(request, supply);
  }
}

function automatic(
  { size = autoSize, ...request }: Extract<ChosenMapping, { mode: "auto" }>,
  supply: IdSupply,
): readonly ExplainedIdMapEntry[] {
  const { kind, taken } = supply;
  const option = "--userns=auto";
  const fixed = request[kind].flatMap((line) => translated(line, supply, option));
  const free = subtractRanges(supply.pool, [
    ...taken,
    ...fixed.map(({ outside, count }) => ({ start: outside, count })),
  ]);
  const wanted = Math.max(0, size - fixed.reduce((sum, { count }) => sum + count, 0));
  if (countIds(free) < wanted) {
    const used = countIds(intersectRanges(taken, supply.pool));
    throw new TsmanError(
      "PREFLIGHT_SUBID",
      `use ${option}: ${wanted} ${kind}s are wanted, ${countIds(free)} are free` +
        (used > 0 ? `, and ${used} belong to other containers` : ""),
      { hint: "remove containers with --userns=auto, or ask for fewer ids: --userns=auto:size=N" },
    );
  }
  // In one piece where there is one: it is what others can use again.
  const whole = free.find(({ count }) => count >= wanted);
  const pool = takeIds(whole === undefined ? free : [whole], wanted);
  return layOutIds({ pool, poolOrigin: `${option}: ids that no other container has`, fixed });
}

/** A line as the user wrote it, in ids of the host. */
function translated(
  line: IdMapRequest,
  { kind, base }: IdSupply,
  option: string,
): readonly ExplainedIdMapEntry[] {
  const { inside, outside, count, isHostId } = line;
  const text = `${inside}:${isHostId ? "@" : ""}${outside}:${count}`;
  const isRange = inside + count <= idLimit && outside + count <= idLimit && count > 0;
  if (!isRange) {
    throw new TsmanError("USAGE", `use ${option} ${text}: there are no such ids`, {
      hint: `ids go from 0 to ${idLimit - 1}, and a range has one at least`,
    });
  }
  const parts = base.flatMap((one): readonly ExplainedIdMapEntry[] => {
    const from = isHostId ? one.outside : one.inside;
    const start = Math.max(outside, from);
    const length = Math.min(outside + count, from + one.count) - start;
    if (length <= 0) return [];
    return [
      {
        inside: inside + start - outside,
        outside: one.outside + start - from,
        count: length,
        because: `${option} ${text}`,
      },
    ];
  });
  const mapped = parts.reduce((sum, part) => sum + part.count, 0);
  if (mapped === count) return parts.toSorted((a, b) => a.inside - b.inside);
  const offered = base
    .map((one) => {
      const from = isHostId ? one.outside : one.inside;
      return one.count === 1 ? `${from}` : `${from}-${from + one.count - 1}`;
    })
    .join(", ");
  throw new TsmanError("USAGE", `use ${option} ${text}: not all of these ids are yours to map`, {
    hint: `${kind}s that it may name: ${offered}${isHostId ? "" : "; 0 is you, the others count your subordinate ids"}`,
  });
}

function assertDisjoint(
  entries: readonly ExplainedIdMapEntry[],
  side: "inside" | "outside",
  what: string,
  option: string,
): void {
  const sorted = entries.toSorted((a, b) => a[side] - b[side]);
  for (const [index, entry] of sorted.entries()) {
    const next = sorted[index + 1];
    if (next === undefined || entry[side] + entry.count <= next[side]) continue;
    throw new TsmanError(
      "USAGE",
      `use ${option}: two ranges name the same ${what}: ${next[side]}`,
      {
        hint: "name each id once",
      },
    );
  }
}
