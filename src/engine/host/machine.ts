import os from "node:os";
import { readText } from "./read-text.ts";

/** What kind of machine this is, and how busy; as Podman's `info` says it. */
export interface MachineFacts {
  /** os-release(5); what it leaves out is missing. */
  readonly distribution: {
    readonly distribution: string;
    readonly version?: string;
    readonly codename?: string;
    readonly variant?: string;
    /** For people: `Debian GNU/Linux 12 (bookworm)`. */
    readonly prettyName: string;
  };
  /** Bytes; proc_meminfo(5). */
  readonly memory: Readonly<Record<"memFree" | "memTotal" | "swapFree" | "swapTotal", number>>;
  /** Since the machine was started; proc_stat(5). */
  readonly cpuUtilization: {
    readonly userPercent: number;
    readonly systemPercent: number;
    readonly idlePercent: number;
  };
  /** `7h 7m 2.00s (Approximately 0.29 days)` */
  readonly uptime: string;
}

/** Reads them from /proc and /etc. */
export function readMachineFacts(): MachineFacts {
  return {
    distribution: distribution(),
    memory: memory(),
    cpuUtilization: cpuUtilization(),
    uptime: uptimeText(os.uptime()),
  };
}

function distribution(): MachineFacts["distribution"] {
  const text = readText("/etc/os-release") ?? readText("/usr/lib/os-release") ?? "";
  const value = (name: string): string | undefined =>
    new RegExp(`^${name}=(["']?)(.*)\\1$`, "m").exec(text)?.[2];
  const optional = { version: "VERSION_ID", codename: "VERSION_CODENAME", variant: "VARIANT_ID" };
  const known = Object.entries(optional).flatMap(([name, key]) => {
    const found = value(key);
    return found === undefined ? [] : [[name, found] as const];
  });
  const id = value("ID") ?? "unknown";
  return {
    distribution: id,
    ...Object.fromEntries(known),
    prettyName: value("PRETTY_NAME") ?? id,
  };
}

function memory(): MachineFacts["memory"] {
  const text = readText("/proc/meminfo") ?? "";
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  return {
    memFree: bytes("MemFree"),
    memTotal: bytes("MemTotal"),
    swapFree: bytes("SwapFree"),
    swapTotal: bytes("SwapTotal"),
  };
}

/** Of the first line: user, nice, system, idle and so on, in ticks. */
function cpuUtilization(): MachineFacts["cpuUtilization"] {
  const [, ...ticks] = (readText("/proc/stat")?.split("\n")[0] ?? "").split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, idle = 0] = ticks;
  // guest and guest_nice, the ninth and tenth, are counted in user and nice already.
  const total = ticks.slice(0, 8).reduce((sum, each) => sum + each, 0);
  const percent = (part: number): number =>
    total === 0 ? 0 : Math.round((part / total) * 10_000) / 100;
  return {
    userPercent: percent(user + nice),
    systemPercent: percent(system),
    idlePercent: percent(idle),
  };
}

function uptimeText(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = (seconds % 60).toFixed(2);
  return `${hours}h ${minutes}m ${rest}s (Approximately ${(seconds / 86_400).toFixed(2)} days)`;
}
