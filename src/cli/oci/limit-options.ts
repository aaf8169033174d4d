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
  "cpu-share": number("2 to 262144"),
  "cpuset-cpus": text("processors, such as 0-2,4"),
  "cpuset-mems": text("nodes of memory"),
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
  const bytes = (name: "memory" | "memory-reservation" | "memory-swap"): number | undefined => {
    const value = args.get(name);
    if (value === undefined) return undefined;
    return value === "-1" ? -1 : parseSize(value, `--${name}`);
  };
  const pids = count("pids-limit");
  return {
    memory: {
      limit: bytes("memory"),
      reservation: bytes("memory-reservation"),
      swap: bytes("memory-swap"),
    },
    cpu: {
      shares: count("cpu-share"),
      quota: count("cpu-quota"),
      period: count("cpu-period"),
      burst: count("cpu-burst"),
      idle: count("cpu-idle"),
      cpus: args.get("cpuset-cpus"),
      mems: args.get("cpuset-mems"),
    },
    ...(pids !== undefined && { pids: { limit: pids } }),
    blockIO: { weight: count("blkio-weight") },
  };
}
