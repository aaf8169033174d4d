import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { processStartTime, readLife } from "../platform/process-start-time.ts";

/** A process named so that a reused pid is not taken for it: proc_pid_stat(5), field 22. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: bigint;
}

/**
 * Reads `monitor`, `init` or `maker` (of an OCI runtime's) of a container's volatile directory.
 *
 * @returns undefined when the file is missing or incomplete.
 */
export function readProcessIdentity(
  runDir: string,
  name: "monitor" | "init" | "maker",
): ProcessIdentity | undefined {
  const file = path.join(runDir, name);
  // An exception costs ten times as much, and of a thousand stopped containers none has the file.
  if (!existsSync(file)) return undefined;
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  const match = /^(\d{1,10}) (\d{1,20})\n$/.exec(text);
  if (match === null) return undefined;
  return { pid: Number(match[1]), startTime: BigInt(match[2] as string) };
}

/** Whether that very process still runs: the kernel is asked, nothing is remembered. */
export function isAlive(identity: ProcessIdentity): boolean {
  return processStartTime(identity.pid) === identity.startTime;
}

/** Init of a container, if it lives, and whether it is stopped by a signal. */
export function findLiveInit(
  runDir: string,
): (ProcessIdentity & { readonly isStopped: boolean }) | undefined {
  const identity = readProcessIdentity(runDir, "init");
  if (identity === undefined) return undefined;
  const life = readLife(identity.pid);
  if (life?.startTime !== identity.startTime) return undefined;
  return { ...identity, isStopped: life.isStopped };
}

/** The identity of a live `monitor` or `init`, else undefined. */
export function findLiveProcess(
  runDir: string,
  name: "monitor" | "init",
): ProcessIdentity | undefined {
  const identity = readProcessIdentity(runDir, name);
  return identity !== undefined && isAlive(identity) ? identity : undefined;
}
