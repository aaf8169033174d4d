import { readFileSync } from "node:fs";
import process from "node:process";
import { parseIdMap } from "../container/process/id-names.ts";
import { TsmanError } from "../errors/index.ts";
import { type IdMapping, keyOf } from "../rootless/id-mapping.ts";

/** user_namespaces(7): of the initial one, the map is the identity of all ids. */
const initialMap = /^\s*0\s+0\s+4294967295\s*$/;

/**
 * Asks for a mount namespace that is the caller's: one of `tsman unshare`.
 *
 * @param subject what is to be mounted: `container web`.
 * @param hint how to get at the files instead.
 * @throws TsmanError OPTION_UNSUPPORTED
 */
export function assertOwnNamespace(subject: string, hint: string): void {
  const isInitial = initialMap.test(readFileSync("/proc/self/uid_map", "utf8"));
  if (!isInitial && process.geteuid?.() === 0) return;
  throw new TsmanError(
    "OPTION_UNSUPPORTED",
    `mount ${subject}: there is no mount namespace that outlives this command`,
    { hint },
  );
}

/**
 * The mapping that made the user namespace of this process, as whoever made it sees it: that of the
 * layers whose files have the right owners in here.  Its ids stand for themselves, so that workers
 * may be started with it.
 */
export function ownMapping(): IdMapping {
  const [uid = [], gid = []] = ["uid_map", "gid_map"].map((name) =>
    parseIdMap(readFileSync(`/proc/self/${name}`, "utf8")).map(([inside, outside, count]) => ({
      inside,
      outside,
      count,
    })),
  );
  const because = "the ids of the namespace in which tsman runs";
  const asInside = (map: typeof uid): IdMapping["uid"] =>
    map.map(({ inside, count }) => ({ inside, outside: inside, count, because }));
  return {
    uid: asInside(uid),
    gid: asInside(gid),
    denySetgroups: false,
    single: uid.length === 1 && uid[0]?.count === 1,
    key: keyOf(uid, gid),
    because,
  };
}
