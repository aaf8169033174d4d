import { usageError } from "../usage-error.ts";
import type { OciArguments, OciOptions } from "./arguments.ts";

const number = (summary: string) => ({ kind: "value", value: "NUMBER", summary }) as const;
const text = (summary: string) => ({ kind: "value", value: "LIST", summary }) as const;

/** Limits as options: runc's and crun's names. */
export const limitOptions = {
  "blkio-weight": number("10 to 1000"),
  "cpu-period": number("microseconds"),
  "cpu-quota": number("microseconds in each period"),
  "cpu-share": number("2 to 262144"),
  "cpuset-cpus": text("processors, such as 0-2,4"),
  "cpuset-mems": text("nodes of memory"),
  memory: number("bytes"),
  "memory-reservation": number("bytes"),
  "memory-swap": number("bytes of memory and swap together"),
  "pids-limit": number("processes and threads"),
} as const satisfies OciOptions;

/** The same as `linux.resources` has them. */
export function limitsGiven(args: OciArguments): unknown {
  const count = (name: keyof typeof limitOptions): number | undefined => {
    const value = args.get(name);
    if (value === undefined) return undefined;
    if (/^-?\d{1,15}$/.test(value)) return Number(value);
    throw usageError(`use --${name} ${value}: not a number`, "write a number without unit");
  };
  const pids = count("pids-limit");
  return {
    memory: {
      limit: count("memory"),
      reservation: count("memory-reservation"),
      swap: count("memory-swap"),
    },
    cpu: {
      shares: count("cpu-share"),
      quota: count("cpu-quota"),
      period: count("cpu-period"),
      cpus: args.get("cpuset-cpus"),
      mems: args.get("cpuset-mems"),
    },
    ...(pids !== undefined && { pids: { limit: pids } }),
    blockIO: { weight: count("blkio-weight") },
  };
}
