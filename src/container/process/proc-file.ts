import { readFileSync, readlinkSync } from "node:fs";

// Files of /proc/PID.  A process may end between two of them: what is missing is undefined.

/** A file of a process as text, bytes that are no UTF-8 replaced. */
export function readProcText(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** Milliseconds since boot: proc_uptime(5). */
export function millisecondsSinceBoot(): number {
  return Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
}

/** Bytes of memory that this machine has: proc_meminfo(5). */
export function totalMemory(): number {
  const match = /^MemTotal:\s*(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"));
  return Number(match?.[1] ?? 0) * 1024;
}

/** A namespace of a process: `pid:[4026531836]`; undefined as well when it may not be seen. */
export function readNamespace(
  pid: number | "self",
  type: "cgroup" | "ipc" | "mnt" | "net" | "pid" | "user" | "uts",
): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${type}`);
  } catch {
    return undefined;
  }
}

/** What proc_pid_stat(5) says of a process. */
export interface ProcStat {
  readonly command: string;
  readonly state: string;
  /** In the reader's pid namespace. */
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** Device number of its terminal; 0: none. */
  readonly terminal: number;
  /** The process group that the terminal listens to; -1: none. */
  readonly foregroundGroup: number;
  /** Clock ticks of itself. */
  readonly ticks: number;
  /** Clock ticks of children that it has waited for. */
  readonly childTicks: number;
  readonly nice: number;
  readonly threads: number;
  /** Clock ticks after boot. */
  readonly startTicks: number;
  /** Bytes. */
  readonly virtualSize: number;
}

/** Clock ticks of a second in everything that /proc says: USER_HZ, 100 on every Linux. */
export const ticksPerSecond = 100;

/** Takes `/proc/PID/stat` apart; the command may hold anything, parentheses included. */
export function parseProcStat(text: string): ProcStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 0 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  // fields[0] is field 3 of the manual page.
  const at = (field: number): number => Number(fields[field - 3]);
  const stat = {
    command: text.slice(open + 1, close),
    state: fields[0] ?? "?",
    parentPid: at(4),
    processGroup: at(5),
    session: at(6),
    terminal: at(7),
    foregroundGroup: at(8),
    ticks: at(14) + at(15),
    childTicks: at(16) + at(17),
    nice: at(19),
    threads: at(20),
    startTicks: at(22),
    virtualSize: at(23),
  };
  return Object.values(stat).some((value) => Number.isNaN(value)) ? undefined : stat;
}

/** The lines `Name:\tvalue` of proc_pid_status(5). */
export function parseProcStatus(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return fields;
}

/** The numbers of a field that is a list; none if it is missing. */
export function numbersOf(field: string | undefined): readonly number[] {
  return (field ?? "")
    .split(/\s+/)
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
}
