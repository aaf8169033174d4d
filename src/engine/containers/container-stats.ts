import { setTimeout as delay } from "node:timers/promises";
import { readUsage } from "../../cgroup/usage.ts";
import {
  containerPids,
  type ProcessTable,
  readProcessTable,
} from "../../container/process/container-pids.ts";
import {
  millisecondsSinceBoot,
  parseProcStat,
  parseProcStatus,
  readNamespace,
  readProcText,
  ticksPerSecond,
  totalMemory,
} from "../../container/process/proc-file.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerStats, StatsOptions } from "../process-types.ts";
import { groupInForce } from "./container-cgroup.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";

const defaultInterval = 5000;

/**
 * What containers use, sample after sample, from their control groups, else from /proc: nothing is
 * run in them.  A container that does not run is left out; when all that were named are removed there
 * is nothing more to come.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, INTERRUPTED
 */
export async function* containerStats(
  context: EngineContext,
  options: StatsOptions,
): AsyncGenerator<readonly ContainerStats[]> {
  const { containers = [], all = false, interval = defaultInterval, signal } = options;
  const named = containers.map((name) => getContainer(context, name));
  let before = new Map<string, Sample>();
  for (;;) {
    // Once for all of them.
    const table = readProcessTable();
    const isOver = named.length > 0 && !named.some(({ id }) => context.store.containers.has(id));
    if (isOver) return;
    const isMeant = all || named.length > 0;
    const records = (
      named.length > 0 ? named : context.store.containers.list().toReversed()
    ).filter(({ id }) => context.store.containers.has(id));
    const samples = new Map<string, Sample>();
    const shown: ContainerStats[] = [];
    for (const record of records) {
      const sample = sampleOf(context, record, table);
      if (sample !== undefined) {
        samples.set(record.id, sample);
        shown.push(statsOf(sample, before.get(record.id)));
      } else if (isMeant) shown.push(nothingUsed(record));
    }
    yield shown;
    if (options.once === true) return;
    before = samples;
    await delay(interval, undefined, { signal }).catch(() => undefined);
    signal?.throwIfAborted();
  }
}

interface Sample {
  readonly record: ContainerRecord;
  readonly init: number;
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly elapsed: number;
  readonly cpuTime: number;
  readonly memory: number;
  readonly memorySource: ContainerStats["memorySource"];
  readonly memoryLimit: number;
  readonly network: ContainerStats["network"];
  readonly block: ContainerStats["block"];
  readonly tasks: number;
}

function sampleOf(
  context: EngineContext,
  record: ContainerRecord,
  table: ProcessTable,
): Sample | undefined {
  const state = containerState(context, record);
  if (!isUp(state)) return undefined;
  const init = state.pid;
  const start = parseProcStat(readProcText(init, "stat") ?? "")?.startTicks;
  if (start === undefined) return undefined;
  const uptime = millisecondsSinceBoot();
  const processes = containerPids(init, table)
    .map(usageOf)
    .filter((usage) => usage !== undefined);
  const sum = (of: (usage: Usage) => number): number =>
    processes.reduce((total, usage) => total + of(usage), 0);
  const group = groupInForce(context, record.id);
  const own = group === undefined ? undefined : readUsage(group.path);
  const hasBlock = processes.some(({ block }) => block !== undefined);
  return {
    record,
    init,
    at: performance.now(),
    elapsed: Math.max(0, uptime - (start * 1000) / ticksPerSecond),
    cpuTime:
      own?.cpuMicroseconds === undefined
        ? (sum(({ ticks }) => ticks) * 1000) / ticksPerSecond
        : own.cpuMicroseconds / 1000,
    memory: own?.memory ?? sum(({ memory }) => memory.bytes),
    memorySource: own?.memory === undefined ? sourceOf(processes) : "cgroup",
    memoryLimit: Math.min(totalMemory(), own?.memoryLimit ?? Number.POSITIVE_INFINITY),
    network: networkOf(init),
    block:
      own?.block ??
      (hasBlock
        ? {
            read: sum(({ block }) => block?.read ?? 0),
            written: sum(({ block }) => block?.written ?? 0),
          }
        : undefined),
    tasks: own?.tasks ?? sum(({ threads }) => threads),
  };
}

function statsOf(sample: Sample, before: Sample | undefined): ContainerStats {
  const { record, init, at, ...figures } = sample;
  const average = percent(sample.cpuTime, sample.elapsed);
  // Another init is another life of the container.
  const isSame = before !== undefined && before.init === init && at > before.at;
  return {
    id: record.id,
    name: record.name,
    ...figures,
    cpuPercent: isSame
      ? // A process that ended may have taken its time along.
        percent(Math.max(0, sample.cpuTime - before.cpuTime), at - before.at)
      : average,
    averageCpuPercent: average,
  };
}

/** Of a container that does not run. */
function nothingUsed({ id, name }: ContainerRecord): ContainerStats {
  return {
    id,
    name,
    elapsed: 0,
    cpuTime: 0,
    cpuPercent: 0,
    averageCpuPercent: 0,
    memory: 0,
    memorySource: "pss",
    memoryLimit: 0,
    network: { received: 0, sent: 0 },
    block: { read: 0, written: 0 },
    tasks: 0,
  };
}

function percent(part: number, whole: number): number {
  return whole > 0 ? (part / whole) * 100 : 0;
}

interface Usage {
  /** Clock ticks, with those of children that it has waited for. */
  readonly ticks: number;
  readonly memory: { readonly bytes: number; readonly isShare: boolean };
  readonly threads: number;
  readonly block: { readonly read: number; readonly written: number } | undefined;
}

function usageOf(pid: number): Usage | undefined {
  const stat = parseProcStat(readProcText(pid, "stat") ?? "");
  if (stat === undefined) return undefined;
  const io = parseProcStatus(readProcText(pid, "io") ?? "");
  const read = io.get("read_bytes");
  const written = io.get("write_bytes");
  const isReadable = read !== undefined && written !== undefined;
  return {
    ticks: stat.ticks + stat.childTicks,
    memory: memoryOf(pid),
    threads: stat.threads,
    block: isReadable ? { read: Number(read), written: Number(written) } : undefined,
  };
}

/** Its share of what is in memory (PSS in proc_pid_smaps(5)), else all of that. */
function memoryOf(pid: number): Usage["memory"] {
  const share = /^Pss:\s*(\d+) kB$/m.exec(readProcText(pid, "smaps_rollup") ?? "");
  if (share !== null) return { bytes: bytesOf(share), isShare: true };
  const resident = /^VmRSS:\s*(\d+) kB$/m.exec(readProcText(pid, "status") ?? "");
  return { bytes: bytesOf(resident), isShare: false };
}

function sourceOf(processes: readonly Usage[]): ContainerStats["memorySource"] {
  const shares = processes.filter(({ memory }) => memory.isShare).length;
  if (shares === processes.length) return "pss";
  return shares === 0 ? "rss" : "mixed";
}

function bytesOf(match: RegExpExecArray | null): number {
  return Number(match?.[1] ?? 0) * 1024;
}

/** Of all interfaces but loopback; undefined where they are the host's. */
function networkOf(init: number): ContainerStats["network"] {
  const namespace = readNamespace(init, "net");
  if (namespace === undefined || namespace === readNamespace("self", "net")) return undefined;
  let received = 0;
  let sent = 0;
  for (const line of (readProcText(init, "net/dev") ?? "").split("\n")) {
    // Interface, eight figures of what came in, the bytes first, and eight of what went out.
    const match = /^\s*([^:\s]+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)/.exec(line);
    if (match === null || match[1] === "lo") continue;
    received += Number(match[2]);
    sent += Number(match[3]);
  }
  return { received, sent };
}
