import { readdirSync, readFileSync, readlinkSync } from "node:fs";

// What the kernel says about a process, seen from outside: proc(5).

/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). */
export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  /** "shared:1", "master:2", … */
  readonly propagation: readonly string[];
  readonly fstype: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/** The mounts that process `pid` sees. */
export function mountsOf(pid: number): MountInfo[] {
  return linesOf(`/proc/${pid}/mountinfo`).map((line) => {
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const field = (index: number) => unescapeOctal(fields[index] ?? "");
    return {
      id: Number(field(0)),
      parent: Number(field(1)),
      root: field(3),
      mountPoint: field(4),
      options: field(5).split(","),
      propagation: fields.slice(6, dash),
      fstype: field(dash + 1),
      source: field(dash + 2),
      superOptions: field(dash + 3).split(","),
    };
  });
}

/** The topmost mount at `mountPoint` that process `pid` sees. */
export function mountAt(pid: number, mountPoint: string): MountInfo | undefined {
  return mountsOf(pid).findLast((mount) => mount.mountPoint === mountPoint);
}

/** One line of uid_map or gid_map: user_namespaces(7). */
export interface IdMapLine {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
}

/** /proc/PID/uid_map or gid_map, as read from our own user namespace. */
export function idMapOf(pid: number | "self", kind: "uid" | "gid"): IdMapLine[] {
  return linesOf(`/proc/${pid}/${kind}_map`).map((line) => {
    const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
    return { inside, outside, count };
  });
}

/** The fields of /proc/PID/status: "Seccomp" → "2", "Uid" → "0\t0\t0\t0". */
export function statusOf(pid: number): Record<string, string> {
  return Object.fromEntries(
    linesOf(`/proc/${pid}/status`).map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    }),
  );
}

/** Kinds of namespaces, as files in /proc/PID/ns. */
export type NamespaceKind = "user" | "mnt" | "pid" | "uts" | "ipc" | "net" | "cgroup";

/** "net:[4026531840]": equal for processes in the same namespace. */
export function namespaceOf(pid: number | "self", kind: NamespaceKind): string {
  return readlinkSync(`/proc/${pid}/ns/${kind}`);
}

/** Open descriptors and what they lead to. */
export function descriptorsOf(pid: number): Map<number, string> {
  const directory = `/proc/${pid}/fd`;
  return new Map(
    readdirSync(directory).map((fd) => [Number(fd), readlinkSync(`${directory}/${fd}`)]),
  );
}

/** The arguments that a process was started with (it may have changed them since). */
export function commandLineOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
}

/** Direct children of all threads of a process; none of what has ended. */
export function childrenOf(pid: number): number[] {
  const unlessGone = <T>(look: () => readonly T[]): readonly T[] => {
    try {
      return look();
    } catch {
      return [];
    }
  };
  return unlessGone(() => readdirSync(`/proc/${pid}/task`)).flatMap((thread) =>
    unlessGone(() =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")
        .split(" ")
        .filter(Boolean)
        .map(Number),
    ),
  );
}

/** A child for which this holds; those that end meanwhile are left out. */
export function findChild(pid: number, matches: (child: number) => boolean): number | undefined {
  return childrenOf(pid).find(holdsFor(matches));
}

/** Whether the process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Pids of all processes for which this holds; those that end meanwhile are left out. */
export function findProcesses(matches: (pid: number) => boolean): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(holdsFor(matches));
}

/** What cannot be looked at has ended. */
function holdsFor(matches: (pid: number) => boolean): (pid: number) => boolean {
  return (pid) => {
    try {
      return matches(pid);
    } catch {
      return false;
    }
  };
}

function linesOf(path: string): string[] {
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** proc(5) writes space, tab, newline and backslash in paths as octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/**
 * Processes that have to do with a directory, whoever they belong to: whose command line,
 * environment, working directory, descriptors or mounts have it or something below it.
 */
export function processesUsing(directory: string): readonly number[] {
  const file = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, "latin1");
  const isThere = (look: () => boolean): boolean => {
    try {
      return look();
    } catch {
      // It has ended, or is nobody's business.
      return false;
    }
  };
  return findProcesses(
    (pid) =>
      pid !== process.pid &&
      (isThere(() => file(pid, "cmdline").includes(directory)) ||
        isThere(() => file(pid, "environ").includes(directory)) ||
        isThere(() => readlinkSync(`/proc/${pid}/cwd`).startsWith(directory)) ||
        isThere(() => file(pid, "mountinfo").includes(directory)) ||
        isThere(() =>
          readdirSync(`/proc/${pid}/fd`).some((fd) =>
            readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(directory),
          ),
        )),
  );
}
