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
 * @param hints how to get at the files: in a session of `tsman unshare`, and without a mount.
 * @throws TsmanError OPTION_UNSUPPORTED
 */
export function assertOwnNamespace(
  subject: string,
  hints: { readonly session: string; readonly instead: string },
): void {
  const isInitial = initialMap.test(readFileSync("/proc/self/uid_map", "utf8"));
  const isRoot = process.geteuid?.() === 0;
  if (!isInitial && isRoot) return;
  if (isRoot) {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      `mount ${subject}: its files belong to ids that root of this host is not, and what root wrote ` +
        "there would belong to nobody inside",
      { hint: hints.instead },
    );
  }
  throw new TsmanError(
    "OPTION_UNSUPPORTED",
    `mount ${subject}: there is no mount namespace that outlives this command`,
    { hint: `in a session of its own: ${hints.session}\nor ${hints.instead}` },
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
