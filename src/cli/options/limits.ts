import path from "node:path";
import type { CgroupOptions, DeviceLimit, LimitOptions } from "../../container/limits.ts";
import type { OptionValues } from "../option-spec.ts";
import { invalidValue, usageError } from "../usage-error.ts";
import type { cgroupSpecs, limitSpecs } from "./limit-specs.ts";
import { integer } from "./scalars.ts";
import { parseSize } from "./size.ts";

/** Microseconds: the kernel's own period, which `--cpus` is a share of. */
const defaultPeriod = 100_000;

/** A size, or -1 for no limit. */
export function parseLimitedSize(text: string, option: string): number {
  return text === "-1" ? -1 : parseSize(text, option);
}

/** `--cpus 1.5` */
export function parseCpus(text: string, option: string): number {
  const value = Number(text);
  if (/^\d{1,5}(\.\d{1,9})?$/.test(text) && Math.round(value * defaultPeriod) >= 1000) return value;
  throw invalidValue(
    option,
    text,
    "not a number of processors",
    "write it like 2 or 0.5, 0.01 at least",
  );
}

/** A list as of cpuset(7), "List format". */
export function parseList(text: string, option: string): string {
  if (/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(text)) return text;
  throw invalidValue(option, text, "not a list of numbers", "write it like 0-2,4");
}

const deviceHint = "write DEVICE:RATE, such as /dev/sda:1mb";

/** `/dev/sda:1mb` */
export function parseDeviceSize(text: string, option: string): DeviceLimit {
  return parseDeviceLimit(text, option, parseSize);
}

/** `/dev/sda:100` */
export function parseDeviceNumber(text: string, option: string): DeviceLimit {
  return parseDeviceLimit(text, option, integer(0, Number.MAX_SAFE_INTEGER));
}

/** `/dev/sda:500` */
export function parseDeviceWeight(text: string, option: string): DeviceLimit {
  return parseDeviceLimit(text, option, integer(10, 1000, "a weight"));
}

function parseDeviceLimit(
  text: string,
  option: string,
  parse: (text: string, option: string) => number,
): DeviceLimit {
  const colon = text.lastIndexOf(":");
  const path = text.slice(0, Math.max(0, colon));
  if (!path.startsWith("/dev/")) {
    throw invalidValue(option, text, "no device of /dev is named", deviceHint);
  }
  return { path, rate: parse(text.slice(colon + 1), option) };
}

/** `--cgroups` */
export function parseCgroups(text: string, option: string): CgroupOptions["mode"] {
  if (text === "enabled" || text === "disabled" || text === "split" || text === "no-conmon") {
    return text;
  }
  throw invalidValue(option, text, "no such mode", "use enabled, disabled, split or no-conmon");
}

/** `--cgroupns` */
export function parseCgroupNamespace(
  text: string,
  option: string,
): Pick<CgroupOptions, "isHostNamespace" | "namespace"> {
  const right = "use private, host, container:NAME or ns:PATH";
  if (text === "private" || text === "") return { isHostNamespace: false };
  if (text === "host") return { isHostNamespace: true };
  const [, mode, what = ""] = /^(container|ns):(.*)$/s.exec(text) ?? [];
  if (mode === undefined) throw invalidValue(option, text, "no such mode", right);
  if (what === "") throw invalidValue(option, text, "it does not say which one", right);
  return {
    namespace:
      mode === "ns"
        ? { mode: "path", path: path.resolve(what) }
        : { mode: "container", container: what },
  };
}

type LimitValues = OptionValues<typeof limitSpecs>;

/**
 * The limits among parsed options; undefined: none was given.
 *
 * @throws TsmanError USAGE for options that exclude each other.
 */
export function limitOptions(values: LimitValues): LimitOptions | undefined {
  const { cpus } = values;
  if (cpus !== undefined && (values["cpu-quota"] ?? values["cpu-period"]) !== undefined) {
    throw usageError(
      "use --cpus: it is --cpu-quota and --cpu-period in one",
      "leave --cpus or the others out",
    );
  }
  const some = <T>(list: readonly T[]): readonly T[] | undefined =>
    list.length === 0 ? undefined : list;
  const limits: LimitOptions = {
    memory: values.memory,
    memorySwap: values["memory-swap"],
    memoryReservation: values["memory-reservation"],
    cpuShares: values["cpu-shares"],
    cpuQuota: cpus === undefined ? values["cpu-quota"] : Math.round(cpus * defaultPeriod),
    cpuPeriod: cpus === undefined ? values["cpu-period"] : defaultPeriod,
    cpusetCpus: values["cpuset-cpus"],
    cpusetMems: values["cpuset-mems"],
    pidsLimit: values["pids-limit"],
    blkioWeight: values["blkio-weight"],
    blkioWeightDevice: some(values["blkio-weight-device"]),
    deviceReadBps: some(values["device-read-bps"]),
    deviceWriteBps: some(values["device-write-bps"]),
    deviceReadIops: some(values["device-read-iops"]),
    deviceWriteIops: some(values["device-write-iops"]),
  };
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as LimitOptions);
}

type CgroupValues = OptionValues<typeof cgroupSpecs>;

/**
 * What of a container's control group is asked for; undefined: nothing.
 *
 * @throws TsmanError USAGE for a limit of a group that is not made.
 */
export function cgroupOptions(
  values: CgroupValues,
  limits: LimitOptions | undefined,
): CgroupOptions | undefined {
  const mode = values.cgroups;
  const parent = values["cgroup-parent"];
  if (mode === "disabled" && (limits !== undefined || values["cgroup-conf"].length > 0)) {
    throw usageError(
      "use --cgroups disabled: without a control group there are no limits",
      "leave it or the limits out",
    );
  }
  if (parent !== undefined && (mode === "disabled" || mode === "split")) {
    throw usageError(
      `use --cgroup-parent: with --cgroups ${mode} there is nothing to choose`,
      "leave one of them out",
    );
  }
  const options: CgroupOptions = {
    mode,
    parent,
    ...values.cgroupns,
    isBestEffort: values.limits === "best-effort" ? true : undefined,
  };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as CgroupOptions);
}
