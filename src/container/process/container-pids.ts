import { readdirSync } from "node:fs";
import { parseProcStat, readNamespace, readProcText } from "./proc-file.ts";

/**
 * The processes of a container by their pids in the caller's namespace, its init first: those of its
 * pid namespace, and what they have started, in namespaces of their own too.  Of a container with
 * the host's pid namespace, what its init has started.
 *
 * @param init pid of its first process.
 */
export function containerPids(init: number): readonly number[] {
  const namespace = readNamespace(init, "pid");
  const isOwn = namespace !== undefined && namespace !== readNamespace("self", "pid");
  const children = new Map<number, number[]>();
  const members = new Set<number>([init]);
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const pid = Number(name);
    const stat = parseProcStat(readProcText(pid, "stat") ?? "");
    if (stat === undefined) continue;
    const siblings = children.get(stat.parentPid);
    if (siblings === undefined) children.set(stat.parentPid, [pid]);
    else siblings.push(pid);
    if (isOwn && readNamespace(pid, "pid") === namespace) members.add(pid);
  }
  // A set may grow while it is walked through.
  for (const pid of members) for (const child of children.get(pid) ?? []) members.add(child);
  return [...members];
}
