import { TsmanError } from "../errors/index.ts";
import type { LinuxResources, ThrottledDevice } from "../oci/runtime-spec.ts";
import { cpuWeight } from "./cpu-weight.ts";
import type { Controller, GroupSetting } from "./group-setting.ts";

const defaultPeriod = 100_000;

/**
 * What the resources of an OCI configuration are in version 2 of control groups.  Pure.
 *
 * @throws TsmanError USAGE for what contradicts itself.
 */
export function compileLimits(resources: LinuxResources): readonly GroupSetting[] {
  const { unified = {} } = resources;
  return [
    ...memorySettings(resources.memory),
    ...cpuSettings(resources.cpu),
    ...pidsSettings(resources.pids),
    ...ioSettings(resources.blockIO),
    ...(resources.hugepageLimits ?? []).map(
      ({ pageSize, limit }): GroupSetting => ({
        controller: "hugetlb",
        file: `hugetlb.${pageSize}.max`,
        value: bound(limit),
      }),
    ),
    ...Object.entries(unified).flatMap(([file, value]) =>
      linesOf(value).map((line) => ({ controller: controllerOf(file), file, value: line })),
    ),
  ];
}

/** The kernel takes one line a write: `io.max` has one for each device. */
function linesOf(value: string): readonly string[] {
  const lines = value.split("\n").filter((line) => line.trim() !== "");
  return lines.length === 0 ? [value] : lines;
}

/** -1 is no limit. */
function bound(limit: number): string {
  return limit < 0 ? "max" : String(limit);
}

function memorySettings(memory: LinuxResources["memory"]): readonly GroupSetting[] {
  if (memory === undefined) return [];
  const { limit, reservation, swap } = memory;
  const settings: GroupSetting[] = [];
  const set = (file: string, value: string, isImplied = false): void => {
    settings.push({ controller: "memory", file, value, ...(isImplied && { isImplied }) });
  };
  if (limit !== undefined) set("memory.max", bound(limit));
  if (swap !== undefined) set("memory.swap.max", swapAlone(limit, swap));
  // As Podman and Docker: as much swap as memory.
  else if (limit !== undefined && limit >= 0) set("memory.swap.max", String(limit), true);
  if (reservation !== undefined) {
    if (limit !== undefined && limit >= 0 && reservation > limit) {
      throw conflict(
        "memory reservation",
        `${reservation} bytes are more than the limit of ${limit}`,
      );
    }
    set("memory.low", bound(reservation));
  }
  return settings;
}

/** Version 1 counts memory and swap together, version 2 swap alone. */
function swapAlone(limit: number | undefined, swap: number): string {
  if (swap < 0) return "max";
  if (limit === undefined || limit < 0) {
    throw conflict("memory and swap", "without a limit of memory nobody knows how much is swap");
  }
  if (swap < limit) {
    throw conflict("memory and swap", `${swap} bytes for both are less than ${limit} of memory`);
  }
  return String(swap - limit);
}

function cpuSettings(cpu: LinuxResources["cpu"]): readonly GroupSetting[] {
  if (cpu === undefined) return [];
  const { shares, quota, period, burst, cpus, mems, idle } = cpu;
  const settings: GroupSetting[] = [];
  const set = (controller: Controller, file: string, value: string): void => {
    settings.push({ controller, file, value });
  };
  if (shares !== undefined && shares > 0) set("cpu", "cpu.weight", String(cpuWeight(shares)));
  if (idle !== undefined) set("cpu", "cpu.idle", String(idle));
  if ((quota !== undefined && quota !== 0) || period !== undefined) {
    const part = quota === undefined || quota <= 0 ? "max" : String(quota);
    set("cpu", "cpu.max", `${part} ${period || defaultPeriod}`);
  }
  if (burst !== undefined) set("cpu", "cpu.max.burst", String(burst));
  if (cpus !== undefined && cpus !== "") set("cpuset", "cpuset.cpus", cpus);
  if (mems !== undefined && mems !== "") set("cpuset", "cpuset.mems", mems);
  return settings;
}

function pidsSettings(pids: LinuxResources["pids"]): readonly GroupSetting[] {
  if (pids === undefined) return [];
  const value = pids.limit <= 0 ? "max" : String(pids.limit);
  return [{ controller: "pids", file: "pids.max", value }];
}

function ioSettings(blockIO: LinuxResources["blockIO"]): readonly GroupSetting[] {
  if (blockIO === undefined) return [];
  const { weight, weightDevice = [] } = blockIO;
  const rates: readonly (readonly [string, readonly ThrottledDevice[] | undefined])[] = [
    ["rbps", blockIO.throttleReadBpsDevice],
    ["wbps", blockIO.throttleWriteBpsDevice],
    ["riops", blockIO.throttleReadIOPSDevice],
    ["wiops", blockIO.throttleWriteIOPSDevice],
  ];
  return [
    ...(weight === undefined || weight === 0 ? [] : [weightSetting("", weight)]),
    ...weightDevice.map(({ major, minor, weight: own }) =>
      weightSetting(`${major}:${minor} `, own),
    ),
    ...rates.flatMap(([key, devices = []]) =>
      devices.map(
        ({ major, minor, rate }): GroupSetting => ({
          controller: "io",
          file: "io.max",
          value: `${major}:${minor} ${key}=${rate > 0 ? rate : "max"}`,
        }),
      ),
    ),
  ];
}

/** The BFQ scheduler has the scale of version 1, 1 to 1000; `io.weight` goes to 10000. */
function weightSetting(device: string, weight: number): GroupSetting {
  const converted = 1 + Math.trunc(((weight - 10) * 9999) / 990);
  return {
    controller: "io",
    file: "io.bfq.weight",
    value: `${device}${weight}`,
    otherwise: { file: "io.weight", value: `${device === "" ? "default " : device}${converted}` },
  };
}

/** What decides about the group itself, and which processes are in it, is not a limit. */
const refusedFiles = /^cgroup\.(?!max\.)/;

function controllerOf(file: string): GroupSetting["controller"] {
  const controller = /^([a-z]+)\.[\w.]+$/.exec(file)?.[1];
  if (controller === undefined || refusedFiles.test(file)) {
    throw new TsmanError("USAGE", `set ${JSON.stringify(file)}: not a limit of a control group`, {
      hint: "name a file as in Documentation/admin-guide/cgroup-v2.rst, such as memory.high=1073741824",
    });
  }
  return controller as GroupSetting["controller"];
}

function conflict(what: string, why: string): TsmanError {
  return new TsmanError("USAGE", `limit ${what}: ${why}`, {
    hint: "--memory-swap is memory and swap together, at least --memory; -1 is no limit",
  });
}
