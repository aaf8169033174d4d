import type { HostIds } from "./host-ids.ts";
import { type IdRange, intersectRanges, subtractRanges } from "./id-range.ts";

/** As many as useradd(8) gives: SUB_UID_COUNT in login.defs(5). */
const rangeCount = 65_536;
/** SUB_UID_MIN to SUB_UID_MAX of login.defs(5). */
const pool: IdRange = { start: 100_000, count: 600_000_001 - 100_000 };

/** What of a host {@link addRangeRemedy} looks at. */
export type GivenRanges = Pick<
  HostIds,
  "reservedUid" | "reservedGid" | "offeredUid" | "offeredGid"
>;

/**
 * The command by which an administrator gives `user` subordinate ids that nobody else has.  Two users
 * with the same ids could reach into each other's containers, so a free range is looked for.
 */
export function addRangeRemedy(user: string, host: GivenRanges): string {
  // The same for user and group ids, so it has to be free and to exist as both.
  const existing = intersectRanges(intersectRanges([pool], host.offeredUid), host.offeredGid);
  const free = subtractRanges(existing, [...host.reservedUid, ...host.reservedGid]).find(
    ({ count }) => count >= rangeCount,
  );
  const [range, note] =
    free === undefined
      ? ["FIRST-LAST", " (65536 ids that no other line of /etc/subuid and /etc/subgid has)"]
      : [`${free.start}-${free.start + rangeCount - 1}`, ""];
  return `sudo usermod --add-subuids ${range} --add-subgids ${range} ${user}${note}`;
}
