import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { isErrno } from "../platform/errno.ts";
import { loginName } from "../platform/login-name.ts";
import { runProgramSync } from "../platform/process.ts";
import type { IdRange } from "./id-range.ts";
import { findMapTools, type MapTools } from "./map-tools.ts";
import {
  isInitialMap,
  parseGetsubids,
  parseOfferedIds,
  parseSubidFile,
  rangesOfUser,
} from "./subid-file.ts";

/** What the mapping of ids depends on: the caller, its ranges, and what the kernel lets it do. */
export interface HostIds {
  /** Real ids of the caller, as its own user namespace numbers them. */
  readonly uid: number;
  readonly gid: number;
  /** Login name; missing when the password database does not know the uid. */
  readonly userName?: string | undefined;
  /** Subordinate ranges of the caller, in the order in which they are configured. */
  readonly subuid: readonly IdRange[];
  readonly subgid: readonly IdRange[];
  /** Ranges of the pseudo user `containers`, which root may use: containers-storage.conf(5). */
  readonly containersSubuid: readonly IdRange[];
  readonly containersSubgid: readonly IdRange[];
  /** The ranges of a name; missing: there are none. */
  readonly rangesOf?: ((kind: "uid" | "gid", name: string) => readonly IdRange[]) | undefined;
  /** Every range that anybody was given, so that none is used by accident. */
  readonly reservedUid: readonly IdRange[];
  readonly reservedGid: readonly IdRange[];
  /** The ids that exist in the caller's own user namespace. */
  readonly offeredUid: readonly IdRange[];
  readonly offeredGid: readonly IdRange[];
  /** Whether that is not the initial user namespace: tsman in a container. */
  readonly isNested: boolean;
  /** CAP_SETUID and CAP_SETGID in effect: maps may be written directly. */
  readonly canSetIds: boolean;
  readonly tools: MapTools;
}

/** What {@link readHostIds} takes; the defaults are this host's. */
export interface HostIdsSource {
  /** Default /etc. */
  readonly etc?: string | undefined;
  /** Default /proc/self. */
  readonly procSelf?: string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly userName?: string | undefined;
  readonly toolDirectories?: readonly string[] | undefined;
  readonly hasFileCapabilities?: ((program: string) => boolean) | undefined;
}

const getsubids = "/usr/bin/getsubids";

/**
 * Reads what {@link HostIds} says.  A missing file counts as empty; it never throws for what an
 * administrator configured.  Costs less than a millisecond, unless the name service switch sends
 * subordinate ids to a directory service: then getsubids(1) is asked, twice.
 */
export function readHostIds(source: HostIdsSource = {}): HostIds {
  const etc = source.etc ?? "/etc";
  const procSelf = source.procSelf ?? "/proc/self";
  const uid = source.uid ?? process.getuid?.() ?? 0;
  const gid = source.gid ?? process.getgid?.() ?? 0;
  const userName = source.userName ?? loginName();
  const user = { name: userName, uid };
  const subuidEntries = parseSubidFile(readIfThere(path.join(etc, "subuid")));
  const subgidEntries = parseSubidFile(readIfThere(path.join(etc, "subgid")));
  const fromService = serviceRanges(etc, userName);
  const uidMap = readIfThere(path.join(procSelf, "uid_map"));
  const status = readIfThere(path.join(procSelf, "status"));
  const canSetIds = hasEffectiveCapabilities(status, capSetgid, capSetuid);
  const containers = { name: "containers", uid: -1 };
  return {
    uid,
    gid,
    userName,
    subuid: fromService?.uid ?? rangesOfUser(subuidEntries, user),
    subgid: fromService?.gid ?? rangesOfUser(subgidEntries, user),
    containersSubuid: rangesOfUser(subuidEntries, containers),
    containersSubgid: rangesOfUser(subgidEntries, containers),
    rangesOf: (kind, name) =>
      rangesOfUser(kind === "uid" ? subuidEntries : subgidEntries, { name, uid: -1 }),
    reservedUid: subuidEntries.map(({ start, count }) => ({ start, count })),
    reservedGid: subgidEntries.map(({ start, count }) => ({ start, count })),
    offeredUid: parseOfferedIds(uidMap),
    offeredGid: parseOfferedIds(readIfThere(path.join(procSelf, "gid_map"))),
    isNested: uidMap !== "" && !isInitialMap(uidMap),
    canSetIds,
    tools: findMapTools({
      directories: source.toolDirectories,
      status,
      mountinfo: () => readIfThere(path.join(procSelf, "mountinfo")),
      // Who writes maps directly does not need the answer, and it is the one that costs.
      hasFileCapabilities: canSetIds ? () => true : source.hasFileCapabilities,
    }),
  };
}

/** Capability numbers of linux/capability.h. */
const capSetgid = 6n;
const capSetuid = 7n;

function hasEffectiveCapabilities(status: string, ...capabilities: readonly bigint[]): boolean {
  const mask = /^CapEff:\s*([0-9a-f]{16})$/m.exec(status)?.[1];
  if (mask === undefined) return false;
  const effective = BigInt(`0x${mask}`);
  return capabilities.every((capability) => (effective & (1n << capability)) !== 0n);
}

/**
 * Ranges from a directory service (`subid: sss` in nsswitch.conf).  The files are then not what
 * newuidmap looks at.
 */
function serviceRanges(
  etc: string,
  userName: string | undefined,
): { readonly uid: IdRange[]; readonly gid: IdRange[] } | undefined {
  const line = /^subid:\s*(\S.*)$/m.exec(readIfThere(path.join(etc, "nsswitch.conf")))?.[1];
  if (line === undefined || line.trim() === "files" || userName === undefined) return undefined;
  try {
    const ask = (...args: readonly string[]): IdRange[] => {
      const result = runProgramSync(getsubids, [...args, "--", userName], { timeoutMs: 5000 });
      return result.status === 0 ? parseGetsubids(result.stdout.toString("utf8")) : [];
    };
    return { uid: ask(), gid: ask("-g") };
  } catch {
    // No getsubids: the files are all that can be known.
    return undefined;
  }
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (isErrno(error)) return "";
    throw error;
  }
}
