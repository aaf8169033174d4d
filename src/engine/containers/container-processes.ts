import { containerPids } from "../../container/process/container-pids.ts";
import { hostNames, namesInContainer } from "../../container/process/id-names.ts";
import {
  millisecondsSinceBoot,
  numbersOf,
  type ProcStat,
  parseProcStat,
  parseProcStatus,
  readProcText,
  ticksPerSecond,
} from "../../container/process/proc-file.ts";
import { TsmanError } from "../../errors/index.ts";
import { capabilitiesOfMask } from "../../oci/runtime-spec.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerProcess } from "../process-types.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";

/**
 * The processes of a container that runs, from /proc: nothing is run in it.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
 */
export function containerProcesses(
  context: EngineContext,
  nameOrId: string,
): readonly ContainerProcess[] {
  const record = getContainer(context, nameOrId);
  const before = containerState(context, record);
  if (!isUp(before)) throw notRunning(record);
  const init = before.pid;
  const names = { host: hostNames(), container: namesInContainer(init) };
  const status = parseProcStatus(readProcText(init, "status") ?? "");
  // Pids are listed from the reader's namespace inward: NSpid in proc_pid_status(5).
  const level = numbersOf(status.get("NSpid")).length - 1;
  const pids = containerPids(init);
  const now = Date.now();
  const uptime = millisecondsSinceBoot();
  const found = pids.flatMap((pid) => {
    const one = readProcess(pid, { names, level, now, uptime });
    return one === undefined ? [] : [one];
  });
  // What was read of another process that got the pid would be of a container that ended meanwhile.
  const after = containerState(context, record);
  if (!isUp(after) || after.pid !== init) throw notRunning(record);
  const inside = new Map(found.map(({ hostPid, pid }) => [hostPid, pid]));
  return found
    .map(({ hostParentPid, ...one }) => ({ ...one, parentPid: inside.get(hostParentPid) ?? 0 }))
    .toSorted((a, b) => a.pid - b.pid);
}

function notRunning({ id, name }: { readonly id: string; readonly name: string }): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `list processes of container ${name}: it does not run`,
    { hint: `start it with: tsman start ${name}`, details: { container: id } },
  );
}

interface Surroundings {
  readonly names: Readonly<Record<"host" | "container", ReturnType<typeof hostNames>>>;
  readonly level: number;
  readonly now: number;
  /** Milliseconds since boot. */
  readonly uptime: number;
}

type ReadProcess = Omit<ContainerProcess, "parentPid"> & { readonly hostParentPid: number };

/** undefined for one that has ended. */
function readProcess(pid: number, around: Surroundings): ReadProcess | undefined {
  const stat = parseProcStat(readProcText(pid, "stat") ?? "");
  const statusText = readProcText(pid, "status");
  if (stat === undefined || statusText === undefined) return undefined;
  const status = parseProcStatus(statusText);
  const { names, level } = around;
  const [realUid = 0, uid = 0] = numbersOf(status.get("Uid"));
  const [realGid = 0, gid = 0] = numbersOf(status.get("Gid"));
  const groups = numbersOf(status.get("Groups"));
  const label = readProcText(pid, "attr/current")?.replace(/\0?\n?$/, "");
  return {
    pid: numbersOf(status.get("NSpid"))[level] ?? 0,
    processGroup: numbersOf(status.get("NSpgid"))[level] ?? 0,
    hostPid: pid,
    hostParentPid: stat.parentPid,
    user: names.container.user(uid),
    group: names.container.group(gid),
    realUser: names.container.user(realUid),
    realGroup: names.container.group(realGid),
    groups: groups.map(names.container.group),
    hostUser: names.host.user(uid),
    hostGroup: names.host.group(gid),
    hostGroups: groups.map(names.host.group),
    command: stat.command,
    arguments: (readProcText(pid, "cmdline") ?? "").split("\0").slice(0, -1),
    state: stat.state,
    sessionLeader: stat.session === pid,
    foreground: stat.foregroundGroup === stat.processGroup,
    threads: stat.threads,
    nice: stat.nice,
    residentSize: kibibytes(status.get("VmRSS")),
    virtualSize: stat.virtualSize,
    ...times(stat, around),
    terminal: terminalName(stat.terminal),
    capabilities: {
      ambient: capabilitiesOfMask(status.get("CapAmb") ?? "0"),
      bounding: capabilitiesOfMask(status.get("CapBnd") ?? "0"),
      effective: capabilitiesOfMask(status.get("CapEff") ?? "0"),
      inheritable: capabilitiesOfMask(status.get("CapInh") ?? "0"),
      permitted: capabilitiesOfMask(status.get("CapPrm") ?? "0"),
    },
    seccomp:
      (["disabled", "strict", "filter"] as const)[Number(status.get("Seccomp"))] ?? "disabled",
    label: label === "" ? undefined : label,
  };
}

function times(stat: ProcStat, { now, uptime }: Surroundings) {
  const elapsed = Math.max(0, uptime - (stat.startTicks * 1000) / ticksPerSecond);
  return {
    cpuTime: (stat.ticks * 1000) / ticksPerSecond,
    elapsed,
    startedAt: new Date(now - elapsed).toISOString(),
  };
}

function kibibytes(field: string | undefined): number {
  return Number(/^(\d+) kB$/.exec(field ?? "")?.[1] ?? 0) * 1024;
}

/** First and last major number of the slaves of pseudo-terminals, 256 each: devices.txt. */
const firstPts = 136;
const lastPts = 143;
const virtualConsoles = 4;

/** A terminal by its device number, in the kernel's coding (MAJOR, MINOR in linux/kdev_t.h). */
function terminalName(device: number): string | undefined {
  if (device === 0) return undefined;
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  if (major >= firstPts && major <= lastPts) return `pts/${(major - firstPts) * 256 + minor}`;
  return major === virtualConsoles ? `tty${minor}` : `${major}:${minor}`;
}
