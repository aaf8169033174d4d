import { statSync } from "node:fs";
import type { DeviceLimit, LimitOptions } from "../container/limits.ts";
import { TsmanError } from "../errors/index.ts";
import type { LinuxResources, ThrottledDevice } from "../oci/runtime-spec.ts";
import { toFileError } from "../platform/errno.ts";

/** Numbers of a block device: makedev(3). */
export interface DeviceNumbers {
  readonly major: number;
  readonly minor: number;
}

/** Podman's number of processes where nobody says another one. */
const defaultPidsLimit = 2048;

/** What a limit is by, and how the user writes it. */
type DeviceFinder = (path: string, option: string) => DeviceNumbers;

/**
 * The resources of an OCI configuration that these limits are.
 *
 * @param hasGroup whether the container gets a control group, and with it a limit of processes.
 * @throws TsmanError USAGE for what is no block device.
 */
export function compileResources(
  limits: LimitOptions | undefined,
  hasGroup: boolean,
  find: DeviceFinder = readDeviceNumbers,
): LinuxResources | undefined {
  const { pidsLimit = hasGroup ? defaultPidsLimit : undefined } = limits ?? {};
  const resources: LinuxResources = {
    ...present("memory", {
      limit: limits?.memory,
      reservation: limits?.memoryReservation,
      swap: limits?.memorySwap,
    }),
    ...present("cpu", {
      shares: limits?.cpuShares,
      quota: limits?.cpuQuota,
      period: limits?.cpuPeriod,
      cpus: limits?.cpusetCpus,
      mems: limits?.cpusetMems,
    }),
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit } }),
    ...(limits === undefined ? {} : blockIo(limits, find)),
    ...(limits?.conf === undefined ? {} : { unified: limits.conf }),
  };
  return Object.keys(resources).length === 0 ? undefined : resources;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** One member of what is there, or nothing. */
function present<const K extends string, T extends object>(
  name: K,
  values: T,
): { [key in K]?: Defined<T> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return (entries.length === 0 ? {} : { [name]: Object.fromEntries(entries) }) as {
    [key in K]?: Defined<T>;
  };
}

function blockIo(limits: LimitOptions, find: DeviceFinder): Pick<LinuxResources, "blockIO"> {
  const rates = (
    list: readonly DeviceLimit[] | undefined,
    option: string,
  ): readonly ThrottledDevice[] | undefined =>
    list?.map(({ path, rate }) => ({ ...find(path, option), rate }));
  return present("blockIO", {
    weight: limits.blkioWeight,
    weightDevice: limits.blkioWeightDevice?.map(({ path, rate }) => ({
      ...find(path, "--blkio-weight-device"),
      weight: rate,
    })),
    throttleReadBpsDevice: rates(limits.deviceReadBps, "--device-read-bps"),
    throttleWriteBpsDevice: rates(limits.deviceWriteBps, "--device-write-bps"),
    throttleReadIOPSDevice: rates(limits.deviceReadIops, "--device-read-iops"),
    throttleWriteIOPSDevice: rates(limits.deviceWriteIops, "--device-write-iops"),
  });
}

function readDeviceNumbers(path: string, option: string): DeviceNumbers {
  let isBlock: boolean;
  let device: number;
  try {
    const status = statSync(path);
    [isBlock, device] = [status.isBlockDevice(), status.rdev];
  } catch (error) {
    throw new TsmanError("USAGE", toFileError(error, `use ${option} ${path}`).message, {
      hint: "name a block device, such as /dev/sda; lsblk lists them",
      cause: error,
    });
  }
  if (!isBlock) {
    throw new TsmanError("USAGE", `use ${option} ${path}: it is no block device`, {
      hint: "name a block device, such as /dev/sda; lsblk lists them",
    });
  }
  // gnu_dev_major(3): the numbers of Linux, in 64 bits.
  const number = BigInt(device);
  return {
    major: Number(((number >> 8n) & 0xfffn) | ((number >> 32n) & 0xffff_f000n)),
    minor: Number((number & 0xffn) | ((number >> 12n) & 0xffff_ff00n)),
  };
}
