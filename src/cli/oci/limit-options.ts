import { TsmanError } from "../../errors/index.ts";
import type { ResourcesConfig } from "../../oci/runtime-config.ts";
import { parseSize } from "../options/size.ts";
import { usageError } from "../usage-error.ts";
import type { OciArguments, OciOptions } from "./arguments.ts";

const number = (summary: string) => ({ kind: "value", value: "NUMBER", summary }) as const;
const size = (summary: string) => ({ kind: "value", value: "SIZE", summary }) as const;
const text = (summary: string) => ({ kind: "value", value: "LIST", summary }) as const;

/** Limits as options: runc's and crun's names. */
export const limitOptions = {
  "blkio-weight": number("10 to 1000"),
  "cpu-burst": number("microseconds beyond the quota, saved up earlier"),
  "cpu-idle": number("1: only when nobody else wants to run; 0"),
  "cpu-period": number("microseconds"),
  "cpu-quota": number("microseconds in each period"),
  "cpu-rt-period": number("refused: version 2 of control groups has no such limit"),
  "cpu-rt-runtime": number("refused: version 2 of control groups has no such limit"),
  "cpu-share": number("2 to 262144"),
  "cpuset-cpus": text("processors, such as 0-2,4"),
  "cpuset-mems": text("nodes of memory"),
  "kernel-memory": size("refused: memory counts the kernel's as well"),
  "kernel-memory-tcp": size("refused: memory counts the kernel's as well"),
  "l3-cache-schema": text("refused: resctrl is not supported"),
  "mem-bw-schema": text("refused: resctrl is not supported"),
  memory: size("bytes, or 64m; -1: no limit"),
  "memory-reservation": size("bytes"),
  "memory-swap": size("bytes of memory and swap together"),
  "pids-limit": number("processes and threads"),
} as const satisfies OciOptions;

/** The same as `linux.resources` has them. */
export function limitsGiven(args: OciArguments): ResourcesConfig {
  const count = (name: keyof typeof limitOptions): number | undefined => {
    const value = args.get(name);
    if (value === undefined) return undefined;
    if (/^-?\d{1,15}$/.test(value)) return Number(value);
    throw usageError(`use --${name} ${value}: not a number`, "write a number without unit");
  };
  // runc's, crun takes numbers only.
  const bytes = (name: keyof typeof limitOptions): number | undefined => {
    const value = args.get(name);
    if (value === undefined) return undefined;
    return value === "-1" ? -1 : parseSize(value, `--${name}`);
  };
  const schema = (["l3-cache-schema", "mem-bw-schema"] as const).find((one) => args.get(one));
  if (schema !== undefined) {
    throw new TsmanError("OPTION_UNSUPPORTED", `use --${schema}: resctrl is not supported`, {
      hint: "leave it out; root can write the schema to a group of /sys/fs/resctrl",
    });
  }
  const pids = count("pids-limit");
  return {
    memory: {
      limit: bytes("memory"),
      reservation: bytes("memory-reservation"),
      swap: bytes("memory-swap"),
      kernel: bytes("kernel-memory"),
      kernelTCP: bytes("kernel-memory-tcp"),
    },
    cpu: {
      shares: count("cpu-share"),
      quota: count("cpu-quota"),
      period: count("cpu-period"),
      realtimePeriod: count("cpu-rt-period"),
      realtimeRuntime: count("cpu-rt-runtime"),
      burst: count("cpu-burst"),
      idle: count("cpu-idle"),
      cpus: args.get("cpuset-cpus"),
      mems: args.get("cpuset-mems"),
    },
    ...(pids !== undefined && { pids: { limit: pids } }),
    blockIO: { weight: count("blkio-weight") },
  };
}
