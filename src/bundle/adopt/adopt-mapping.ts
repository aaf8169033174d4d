import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { Namespace } from "../../oci/runtime-spec.ts";
import type { MapEntry, MappingFacts } from "../bundle.ts";
import type { AdoptionFacts, JoinedMaps } from "./adoption-facts.ts";

/**
 * The id maps of a new user namespace.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptMapping({ linux }: RuntimeConfig, facts: AdoptionFacts): MappingFacts {
  const entries = (list: RuntimeConfig["linux"]["uidMappings"]): MapEntry[] =>
    (list ?? []).map(({ containerID, hostID, size }) => ({
      inside: containerID,
      outside: hostID,
      count: size,
    }));
  const uid = entries(linux.uidMappings);
  const gid = entries(linux.gidMappings);
  refuseOverlaps(uid, "/linux/uidMappings");
  refuseOverlaps(gid, "/linux/gidMappings");
  return {
    uid,
    gid,
    tools: facts.mapTools,
    // user_namespaces(7): an ordinary user may map its own gid only without setgroups(2).
    denySetgroups: facts.mapsItself,
    single: uid.length === 1 && uid[0]?.count === 1,
    because: "/linux/uidMappings",
  };
}

/** user_namespaces(7): the kernel says EINVAL, and not of which. */
function refuseOverlaps(entries: readonly MapEntry[], pointer: string): void {
  const meets = (one: number, other: number, a: MapEntry, b: MapEntry): boolean =>
    one < other + b.count && other < one + a.count;
  entries.forEach((entry, index) => {
    const earlier = entries.slice(0, index);
    const inside = earlier.findIndex((one) => meets(entry.inside, one.inside, entry, one));
    const outside = earlier.findIndex((one) => meets(entry.outside, one.outside, entry, one));
    if (inside < 0 && outside < 0) return;
    const [name, other] = inside < 0 ? ["hostID", outside] : ["containerID", inside];
    throw refused(
      `${pointer}/${index}/${name}`,
      `its ids are those of ${pointer}/${other} as well`,
    );
  });
}

/** Who writes the maps beside the namespace that has them, as Podman does, means these. */
export function refuseOtherMaps(
  wanted: JoinedMaps,
  namespaces: readonly Namespace[],
  facts: AdoptionFacts,
): void {
  const joined = namespaces.find(({ type }) => type === "user")?.path;
  if (joined === undefined || wanted.uid.length + wanted.gid.length === 0) return;
  const maps = facts.mapsOf(joined);
  if (maps === undefined) return;
  for (const kind of ["uid", "gid"] as const) {
    if (wanted[kind].length === 0 || formatMap(wanted[kind]) === formatMap(maps[kind])) continue;
    throw refused(
      `/linux/${kind}Mappings`,
      `is not what ${joined} has, which is ${formatMap(maps[kind])}`,
      "leave it out: a namespace that is joined has its own",
    );
  }
}

/** `0:1000:1,1:100000:65536`: with as few ranges as can be, by their ids inside. */
function formatMap(entries: readonly MapEntry[]): string {
  const merged: MapEntry[] = [];
  for (const entry of entries.toSorted((a, b) => a.inside - b.inside)) {
    const last = merged.at(-1);
    const continues =
      last !== undefined &&
      last.inside + last.count === entry.inside &&
      last.outside + last.count === entry.outside;
    if (continues) merged.splice(-1, 1, { ...last, count: last.count + entry.count });
    else merged.push(entry);
  }
  return merged.map(({ inside, outside, count }) => `${inside}:${outside}:${count}`).join(",");
}
