import { compileLimits } from "../../cgroup/compile-limits.ts";
import type { GroupSetting } from "../../cgroup/group-setting.ts";
import type { ContainerOptions } from "../../container/options.ts";
import type { LinuxResources } from "../../oci/runtime-spec.ts";
import type { ExplainEntry } from "../types.ts";

/** What would be written into the files of the container's control group. */
export function explainLimits(
  resources: LinuxResources | undefined,
  options: Pick<ContainerOptions, "limits" | "cgroup">,
): readonly ExplainEntry[] {
  if (resources === undefined) return [];
  return compileLimits(resources).map((setting) => {
    const { file, value, isImplied = false } = setting;
    const isDefault = file === "pids.max" && options.limits?.pidsLimit === undefined;
    return {
      what: `${file} = ${value}${isDefault || isImplied ? ", if that can be" : ""}`,
      because: isDefault ? "default" : optionOf(setting),
      data: { file, value },
    };
  });
}

function optionOf({ file, value }: GroupSetting): string {
  const key = file === "io.max" ? `io.max ${/ (\w+)=/.exec(value)?.[1]}` : file;
  return options[key] ?? "--cgroup-conf";
}

/** Which options a file's content may come from. */
const options: Readonly<Record<string, string>> = {
  "memory.max": "--memory",
  "memory.swap.max": "--memory-swap or --memory",
  "memory.low": "--memory-reservation",
  "cpu.weight": "--cpu-shares",
  "cpu.max": "--cpus, --cpu-quota or --cpu-period",
  "cpuset.cpus": "--cpuset-cpus",
  "cpuset.mems": "--cpuset-mems",
  "pids.max": "--pids-limit",
  "io.bfq.weight": "--blkio-weight",
  "io.max rbps": "--device-read-bps",
  "io.max wbps": "--device-write-bps",
  "io.max riops": "--device-read-iops",
  "io.max wiops": "--device-write-iops",
};
