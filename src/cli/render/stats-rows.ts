import type { ContainerStats } from "../../engine/types.ts";
import { goDuration } from "./go-duration.ts";
import type { ListingRow, ListingStyle } from "./listing.ts";

/** The table of `tsman stats`. */
export const statsColumns: ListingStyle["columns"] = [
  ["ID", "ID"],
  ["NAME", "Name"],
  ["CPU %", "CPUPerc"],
  ["MEM USAGE / LIMIT", "MemUsage"],
  ["MEM %", "MemPerc"],
  ["NET IO", "NetIO"],
  ["BLOCK IO", "BlockIO"],
  ["PIDS", "PIDS"],
  ["CPU TIME", "UpTime"],
  ["AVG CPU %", "AVGCPU"],
];

/** Rows of `tsman stats`, with Podman's fields and Docker's. */
export function statsRows(
  list: readonly ContainerStats[],
  { isFull }: { readonly isFull: boolean },
): readonly ListingRow[] {
  return list.map((stats) => {
    const shown = shownStats(stats);
    const id = isFull ? stats.id : stats.id.slice(0, 12);
    return {
      json: {
        id,
        name: stats.name,
        cpu_time: shown.cpuTime,
        cpu_percent: shown.cpu,
        avg_cpu: shown.average,
        mem_usage: shown.memory,
        mem_percent: shown.memoryShare,
        net_io: shown.network,
        block_io: shown.block,
        pids: String(stats.tasks),
      },
      fields: {
        ID: id,
        ContainerID: stats.id,
        Container: id,
        Name: stats.name,
        CPUPerc: shown.cpu,
        CPU: stats.cpuPercent,
        CPUNano: Math.round(stats.cpuTime * 1e6),
        AVGCPU: shown.average,
        AvgCPU: stats.averageCpuPercent,
        UpTime: shown.cpuTime,
        Up: goDuration(Math.round(stats.elapsed)),
        Duration: Math.round(stats.elapsed * 1e6),
        MemUsage: shown.memory,
        MemUsageBytes: shown.memoryBinary,
        MemLimit: stats.memoryLimit,
        MemSource: stats.memorySource,
        MemPerc: shown.memoryShare,
        NetIO: shown.network,
        NetInput: stats.network?.received ?? 0,
        NetOutput: stats.network?.sent ?? 0,
        BlockIO: shown.block,
        BlockInput: stats.block?.read ?? 0,
        BlockOutput: stats.block?.written ?? 0,
        PIDS: stats.tasks,
        PIDs: stats.tasks,
      },
    };
  });
}

function shownStats(stats: ContainerStats) {
  const { memory, memoryLimit, network, block } = stats;
  return {
    cpu: percent(stats.cpuPercent),
    average: percent(stats.averageCpuPercent),
    cpuTime: goDuration(stats.cpuTime),
    memory: pair(memory, memoryLimit, decimal),
    memoryBinary: pair(memory, memoryLimit, binary),
    memoryShare: percent(memoryLimit > 0 ? (memory / memoryLimit) * 100 : 0),
    network: network === undefined ? unknown : pair(network.received, network.sent, decimal),
    block: block === undefined ? unknown : pair(block.read, block.written, decimal),
  };
}

/** Podman's sign for what nobody knows. */
const unknown = "-- / --";

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}

interface Units {
  readonly base: number;
  readonly names: readonly string[];
}

const decimal: Units = { base: 1000, names: ["B", "kB", "MB", "GB", "TB", "PB"] };
const binary: Units = { base: 1024, names: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] };

function pair(first: number, second: number, units: Units): string {
  return `${size(first, units)} / ${size(second, units)}`;
}

/** Four significant digits and no space, as docker/go-units prints sizes. */
function size(bytes: number, { base, names }: Units): string {
  let value = bytes;
  let unit = 0;
  for (; value >= base && unit < names.length - 1; unit += 1) value /= base;
  return `${Number(value.toPrecision(4))}${names[unit] ?? ""}`;
}
