import type { UsernsRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { fingerprint } from "../platform/fingerprint.ts";
import type { IdMapEntry, UsernsMaps } from "../platform/userns.ts";
import { addRangeRemedy } from "./add-range.ts";
import { type ChosenMapping, chosenMap, optionOf } from "./chosen-mapping.ts";
import type { HostIds } from "./host-ids.ts";
import {
  countIds,
  type IdRange,
  idLimit,
  intersectRanges,
  subtractRanges,
  takeIds,
  withoutOverlaps,
} from "./id-range.ts";
import { type ExplainedIdMapEntry, layOutIds } from "./lay-out-ids.ts";

export type { ExplainedIdMapEntry, IdMapEntry };

/** Host ids that are not to be given away. */
export interface TakenIds {
  readonly uid: readonly IdRange[];
  readonly gid: readonly IdRange[];
}

const nothingTaken: TakenIds = { uid: [], gid: [] };

/** How the ids of a container stand for ids of the host. */
export interface IdMapping extends UsernsMaps {
  /** Sorted by `inside`, never overlapping; the same for the host's side. */
  readonly uid: readonly ExplainedIdMapEntry[];
  readonly gid: readonly ExplainedIdMapEntry[];
  /** Only one id exists in the container: files cannot have other owners. */
  readonly single: boolean;
  /** Stable over time for equal maps: unpacked layers are kept per mapping. */
  readonly key: string;
  /** What does not work with this mapping, and the remedy. */
  readonly warning?: string | undefined;
  /** What would give the container more ids than one. */
  readonly remedy?: string | undefined;
  /** Why this mapping and no other. */
  readonly because: string;
}

/**
 * Where container ids of root go when neither /etc/subuid nor the pseudo user `containers` says:
 * 0x78000000.  The range lies in what systemd's UIDS-GIDS document calls unused (above 1879048191,
 * below 2147352576) and above the default of SSSD's automatic mapping (2000200000).
 */
export const rootRangeStart = 2_013_265_920;
const rootRangeLimit = 2_147_352_576;
const rootRangeCount = 65_536;

/**
 * Ranges per map: the kernel takes 340 lines but refuses a write of a page or more
 * (user_namespaces(7)), and a line has up to 33 bytes.
 */
const maxRanges = 100;

/**
 * Decides the id maps of a container; pure.
 *
 * - An ordinary user: container 0 is the caller, 1 and up are its subordinate ids. `keep-id` puts
 *   the caller at another place, `nomap` leaves it out.
 * - `auto` takes ids that no other such container has, `map` and `subid` what the user names.
 * - No range, or no newuidmap: one id, with a warning. Every mapping has a container id 0.
 * - Root, here or in another container: a subordinate range (its own in /etc/subuid, else that of
 *   `containers`, else a fixed one or what the outer container has), never its own id.
 *
 * @throws TsmanError OPTION_UNSUPPORTED for a mode that cannot be had here, USAGE for an impossible
 * id, PREFLIGHT_USERNS for root without the capabilities to map ids, PREFLIGHT_SUBID.
 */
export function resolveIdMapping(
  request: UsernsRequest,
  host: HostIds,
  taken: TakenIds = nothingTaken,
): IdMapping {
  return host.uid === 0 ? mapForRoot(request, host, taken) : mapForUser(request, host, taken);
}

function mapForUser(request: UsernsRequest, host: HostIds, taken: TakenIds): IdMapping {
  const place = placeOfCaller(request, host);
  const pools = {
    uid: usableRanges(host.subuid, host.offeredUid, host.uid),
    gid: usableRanges(host.subgid, host.offeredGid, host.gid),
  };
  const obstacle = obstacleOf(pools, host);
  if (obstacle !== undefined) {
    // A container is put together by its id 0, which only the caller's own id can stand for here.
    if (place?.uid === 0 && place.gid === 0) return singleMapping(host, obstacle);
    const option = isChosen(request) ? optionOf(request, "uid") : `--userns=${request.mode}`;
    throw new TsmanError("PREFLIGHT_SUBID", `map ids with ${option}: ${obstacle.because}`, {
      hint: `${obstacle.remedy}; or leave ${option} out`,
    });
  }
  const lay = (
    kind: "uid" | "gid",
    at: { readonly uid: number; readonly gid: number } | undefined,
  ): readonly ExplainedIdMapEntry[] =>
    layOutIds({
      pool: pools[kind],
      poolOrigin: `your range in /etc/sub${kind}`,
      fixed:
        at === undefined
          ? []
          : [{ inside: at[kind], outside: host[kind], count: 1, because: callerOrigin(request) }],
    });
  if (isChosen(request)) {
    const base = { uid: lay("uid", callerIsRoot), gid: lay("gid", callerIsRoot) };
    return chosen(request, { pools, base, taken, host });
  }
  return finish({
    uid: lay("uid", place),
    gid: lay("gid", place),
    host,
    because:
      place === undefined
        ? "--userns=nomap: subordinate ids only"
        : `container ${place.uid} is you (${host.uid}), the others are your subordinate ids`,
  });
}

const callerIsRoot = { uid: 0, gid: 0 };

function isChosen(request: UsernsRequest): request is ChosenMapping {
  return request.mode === "auto" || request.mode === "map" || request.mode === "subid";
}

/** A mapping that the user has a say in. */
function chosen(
  request: ChosenMapping,
  {
    pools,
    base,
    taken,
    host,
  }: {
    readonly pools: TakenIds;
    readonly base: Readonly<Record<"uid" | "gid", readonly ExplainedIdMapEntry[]>>;
    readonly taken: TakenIds;
    readonly host: HostIds;
  },
): IdMapping {
  const mapOf = (kind: "uid" | "gid"): readonly ExplainedIdMapEntry[] =>
    chosenMap(request, {
      kind,
      pool: pools[kind],
      base: base[kind],
      taken: taken[kind],
      rangesOf: (name) => host.rangesOf?.(kind, name) ?? [],
    });
  const words = { auto: "--userns=auto", map: "--uidmap and --gidmap", subid: "--subuidname" };
  return finish({ uid: mapOf("uid"), gid: mapOf("gid"), host, because: words[request.mode] });
}

function mapForRoot(request: UsernsRequest, host: HostIds, taken: TakenIds): IdMapping {
  if (request.mode === "keep-id") {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      "map ids with --userns=keep-id: root itself is never mapped into a container",
      { hint: "run tsman as an ordinary user, or leave --userns out" },
    );
  }
  if (!host.canSetIds && !host.isNested) {
    throw new TsmanError("PREFLIGHT_USERNS", "map ids: root without CAP_SETUID and CAP_SETGID", {
      hint: "run tsman as an ordinary user, or give it both capabilities (docker run --cap-add)",
    });
  }
  const uid = rangeOfRoot("uid", host);
  const gid = rangeOfRoot("gid", host);
  if (!host.canSetIds || countIds(uid.ranges) === 0 || countIds(gid.ranges) === 0) {
    return singleMapping(host, {
      because: host.canSetIds
        ? noSecondId
        : "the outer container grants neither CAP_SETUID nor CAP_SETGID",
      remedy: outerRemedy,
    });
  }
  const base = {
    uid: layOutIds({ pool: uid.ranges, poolOrigin: uid.origin }),
    gid: layOutIds({ pool: gid.ranges, poolOrigin: gid.origin }),
  };
  if (isChosen(request)) {
    return chosen(request, { pools: { uid: uid.ranges, gid: gid.ranges }, base, taken, host });
  }
  return finish({
    ...base,
    host,
    because: `started as root: container ids are ${uid.origin}, never root's own`,
  });
}

/** Where root's containers get their ids from. */
function rangeOfRoot(
  kind: "uid" | "gid",
  host: HostIds,
): { readonly ranges: readonly IdRange[]; readonly origin: string } {
  const isUid = kind === "uid";
  const offered = isUid ? host.offeredUid : host.offeredGid;
  const caller = isUid ? host.uid : host.gid;
  const own = usableRanges(isUid ? host.subuid : host.subgid, offered, caller);
  if (own.length > 0) return { ranges: own, origin: `root's range in /etc/sub${kind}` };
  const shared = usableRanges(
    isUid ? host.containersSubuid : host.containersSubgid,
    offered,
    caller,
  );
  if (shared.length > 0) {
    return {
      ranges: takeIds(shared, rootRangeCount),
      origin: `the range of "containers" in /etc/sub${kind}`,
    };
  }
  if (host.isNested) {
    const rest = usableRanges(offered, offered, caller);
    return { ranges: takeIds(rest, rootRangeCount), origin: "ids of the outer container" };
  }
  return {
    ranges: usableRanges(
      [fixedRange(isUid ? host.reservedUid : host.reservedGid, host)],
      offered,
      caller,
    ),
    origin: "a fixed range that no entry of /etc/subuid or /etc/subgid has",
  };
}

/** The first stretch from {@link rootRangeStart} on that nobody was given. */
function fixedRange(reserved: readonly IdRange[], host: HostIds): IdRange {
  const candidates = subtractRanges(
    [{ start: rootRangeStart, count: rootRangeLimit - rootRangeStart }],
    reserved,
  );
  const free = candidates.find((range) => range.count >= rootRangeCount);
  if (free !== undefined) return { start: free.start, count: rootRangeCount };
  throw new TsmanError("PREFLIGHT_SUBID", "map ids for root: no free range of 65536 ids", {
    hint: `give root a range: ${addRangeRemedy("root", host)}`,
  });
}

/** Where the caller's own ids stand in the container; undefined: nowhere. */
function placeOfCaller(
  request: UsernsRequest,
  host: HostIds,
): { readonly uid: number; readonly gid: number } | undefined {
  switch (request.mode) {
    case "default":
      return { uid: 0, gid: 0 };
    case "nomap":
    case "auto":
    case "map":
    case "subid":
      return undefined;
    case "keep-id":
      return {
        uid: containerId("uid", request.uid ?? host.uid),
        gid: containerId("gid", request.gid ?? host.gid),
      };
  }
}

function containerId(kind: "uid" | "gid", value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < idLimit) return value;
  throw new TsmanError("USAGE", `map ids with --userns=keep-id: ${kind} ${value} is not an id`, {
    hint: `use a number from 0 to ${idLimit - 1}`,
  });
}

function callerOrigin(request: UsernsRequest): string {
  return request.mode === "keep-id" ? "you, --userns=keep-id" : "you, who started the container";
}

/**
 * What of `ranges` may be mapped: exists in our user namespace, is neither the superuser nor the
 * caller (whom the map names already, or must not name), each id once, at most {@link maxRanges}.
 */
function usableRanges(
  ranges: readonly IdRange[],
  offered: readonly IdRange[],
  caller: number,
): readonly IdRange[] {
  const excluded = [
    { start: 0, count: 1 },
    { start: caller, count: 1 },
  ];
  const usable = subtractRanges(withoutOverlaps(intersectRanges(ranges, offered)), excluded);
  return usable.slice(0, maxRanges);
}

interface Obstacle {
  readonly because: string;
  readonly remedy: string;
}

const noSecondId = "the outer container offers no second id";
/** No command in here helps: what is not mapped into this namespace does not exist in it. */
const outerRemedy = "start the outer container with subordinate ids and its default capabilities";

/** Why subordinate ids cannot be mapped; undefined when they can. */
function obstacleOf(
  pools: { readonly uid: readonly IdRange[]; readonly gid: readonly IdRange[] },
  host: HostIds,
): Obstacle | undefined {
  const user = host.userName ?? String(host.uid);
  for (const kind of ["uid", "gid"] as const) {
    if (pools[kind].length > 0) continue;
    const offered = kind === "uid" ? host.offeredUid : host.offeredGid;
    if (host.isNested && usableRanges(offered, offered, host[kind]).length === 0) {
      return { because: noSecondId, remedy: outerRemedy };
    }
    const configured = kind === "uid" ? host.subuid : host.subgid;
    if (configured.length > 0 && host.isNested) {
      return {
        because: `the range of ${user} in /etc/sub${kind} does not exist in this container`,
        remedy: `choose one that /proc/self/${kind}_map offers`,
      };
    }
    return {
      because: `${user} has no range in /etc/sub${kind}`,
      remedy: `give it one: ${addRangeRemedy(user, host)}`,
    };
  }
  if (host.canSetIds || host.tools.state === "usable") return undefined;
  return { because: host.tools.because, remedy: host.tools.remedy };
}

/** One id: always allowed, by the kernel alone; user_namespaces(7). */
function singleMapping(host: HostIds, obstacle: Obstacle): IdMapping {
  const because = `one id only: ${obstacle.because}`;
  const uid = [{ inside: 0, outside: host.uid, count: 1, because }];
  const gid = [{ inside: 0, outside: host.gid, count: 1, because }];
  return {
    uid,
    gid,
    // Without CAP_SETGID outside, the kernel takes a gid_map only once setgroups is denied (S21).
    denySetgroups: true,
    single: true,
    key: keyOf(uid, gid),
    because,
    warning:
      `${obstacle.because}: the container has one id only, so that every file belongs to it, ` +
      `and changing to another user (su, apt's sandbox, USER) fails; ${obstacle.remedy}`,
    remedy: obstacle.remedy,
  };
}

function finish(parts: {
  readonly uid: readonly ExplainedIdMapEntry[];
  readonly gid: readonly ExplainedIdMapEntry[];
  readonly host: HostIds;
  readonly because: string;
}): IdMapping {
  const { uid, gid, host, because } = parts;
  const { tools } = host;
  return {
    uid,
    gid,
    // Who may write the maps itself saves the start of two setuid programs.
    ...(host.canSetIds || tools.state !== "usable"
      ? {}
      : { tools: { newuidmap: tools.newuidmap, newgidmap: tools.newgidmap } }),
    denySetgroups: false,
    single: false,
    key: keyOf(uid, gid),
    because,
  };
}

/** The {@link IdMapping.key} of these maps. */
export function keyOf(uid: readonly IdMapEntry[], gid: readonly IdMapEntry[]): string {
  const text = [uid, gid]
    .map((map) =>
      map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}`).join(","),
    )
    .join(";");
  return fingerprint(text);
}
