/** A block device of the host and what it is limited to. */
export interface DeviceLimit {
  /** Path on the host. */
  readonly path: string;
  /** Bytes or operations in a second, or a weight from 10 to 1000. */
  readonly rate: number;
}

/** The limits among the options of `run`, `create` and `update`; what is missing was not asked for. */
export interface LimitOptions {
  /** Bytes; -1: no limit. */
  readonly memory?: number | undefined;
  /** Memory and swap together; -1: as much swap as there is. */
  readonly memorySwap?: number | undefined;
  readonly memoryReservation?: number | undefined;
  readonly cpuShares?: number | undefined;
  /** Microseconds in each period. */
  readonly cpuQuota?: number | undefined;
  readonly cpuPeriod?: number | undefined;
  /** `0-2,4` */
  readonly cpusetCpus?: string | undefined;
  readonly cpusetMems?: string | undefined;
  /** -1: no limit; missing: 2048 where that can be. */
  readonly pidsLimit?: number | undefined;
  readonly blkioWeight?: number | undefined;
  readonly blkioWeightDevice?: readonly DeviceLimit[] | undefined;
  readonly deviceReadBps?: readonly DeviceLimit[] | undefined;
  readonly deviceWriteBps?: readonly DeviceLimit[] | undefined;
  readonly deviceReadIops?: readonly DeviceLimit[] | undefined;
  readonly deviceWriteIops?: readonly DeviceLimit[] | undefined;
  /** `--cgroup-conf`: file of the group → what is written into it. */
  readonly conf?: Readonly<Record<string, string>> | undefined;
}

/** `--cgroups`, `--cgroup-parent`, `--cgroupns`, `--limits`. */
export interface CgroupOptions {
  /** Missing: a group of its own where that can be. */
  readonly mode?: "enabled" | "disabled" | "split" | "no-conmon" | undefined;
  readonly parent?: string | undefined;
  /** Whether the container sees the host's groups; missing: no. */
  readonly isHostNamespace?: boolean | undefined;
  /** A namespace that there is already, instead: another container's, or by an absolute path. */
  readonly namespace?:
    | { readonly mode: "container"; readonly container: string }
    | { readonly mode: "path"; readonly path: string }
    | undefined;
  /** What cannot be limited is a warning, and as much of it as rlimits can do. */
  readonly isBestEffort?: boolean | undefined;
}

/** Limits with some of them changed. */
export function mergedLimits(
  old: LimitOptions | undefined,
  changes: LimitOptions | undefined,
): LimitOptions | undefined {
  return changes === undefined ? old : { ...old, ...changes };
}
