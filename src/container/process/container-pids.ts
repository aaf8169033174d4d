import { readdirSync } from "node:fs";
import { isAlive, type ProcessIdentity } from "../liveness.ts";
import { parseProcStat, readNamespace, readProcText } from "./proc-file.ts";

/** The processes of this machine, as far as the caller may see them, at a moment. */
export interface ProcessTable {
  readonly children: ReadonlyMap<number, readonly number[]>;
  /** Pids by their pid namespace, where that may be known and is not the caller's. */
  readonly byNamespace: ReadonlyMap<string, readonly number[]>;
}

/** Reads all of /proc once. */
export function readProcessTable(): ProcessTable {
  const own = readNamespace("self", "pid");
  const children = new Map<number, number[]>();
  const byNamespace = new Map<string, number[]>();
  const add = <K>(map: Map<K, number[]>, key: K, pid: number): void => {
    const list = map.get(key);
    if (list === undefined) map.set(key, [pid]);
    else list.push(pid);
  };
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const stat = parseProcStat(readProcText(pid, "stat") ?? "");
    if (stat === undefined) continue;
    add(children, stat.parentPid, pid);
    const namespace = readNamespace(pid, "pid");
    if (namespace !== undefined && namespace !== own) add(byNamespace, namespace, pid);
  }
  return { children, byNamespace };
}

/**
 * The processes of a container by their pids in the caller's namespace, its init first: those of its
 * pid namespace, and what they have started, in namespaces of their own too.  Of a container with
 * the host's pid namespace, what its init has started.
 *
 * @param init pid of its first process.
 * @param table of several containers read once; missing: read now.
 */
export function containerPids(
  init: number,
  table: ProcessTable = readProcessTable(),
): readonly number[] {
  const namespace = readNamespace(init, "pid");
  const sharing = namespace === undefined ? [] : (table.byNamespace.get(namespace) ?? []);
  return withDescendants([init, ...sharing], table);
}

/** What of a container's namespaces nobody else is in. */
export interface OwnNamespaces {
  readonly hasOwnPids: boolean;
  readonly hasOwnMounts: boolean;
}

/**
 * {@link containerPids} without what others have in a pid namespace that is not the container's
 * alone: those of its mount namespace, or else its init, and what these have started.
 *
 * @returns none when init has ended: what was read may be of another process that got its pid.
 */
export function ownPids(
  init: ProcessIdentity,
  { hasOwnPids, hasOwnMounts }: OwnNamespaces,
): readonly number[] {
  const table = readProcessTable();
  const pids = hasOwnPids
    ? containerPids(init.pid, table)
    : withDescendants([init.pid, ...(hasOwnMounts ? sharingMounts(init.pid, table) : [])], table);
  return isAlive(init) ? pids : [];
}

function sharingMounts(init: number, table: ProcessTable): readonly number[] {
  const own = readNamespace(init, "mnt");
  return containerPids(init, table).filter((pid) => readNamespace(pid, "mnt") === own);
}

function withDescendants(pids: readonly number[], { children }: ProcessTable): readonly number[] {
  const members = new Set(pids);
  // A set may grow while it is walked through.
  for (const pid of members) for (const child of children.get(pid) ?? []) members.add(child);
  return [...members];
}
