import { list, text, value } from "../option-spec.ts";
import { parseKeyValue } from "./key-value.ts";
import {
  parseCgroupNamespace,
  parseCgroups,
  parseCpus,
  parseDeviceNumber,
  parseDeviceSize,
  parseDeviceWeight,
  parseLimitedSize,
  parseList,
} from "./limits.ts";
import { integer, oneOf } from "./scalars.ts";
import { parseSize } from "./size.ts";

/** A device and a number of it, once for each device. */
const device = <T>(summary: string, parse: (text: string, option: string) => T) =>
  list({ metavar: "DEVICE:RATE", summary, parse });

/** Limits, of `run`, `create`, `update` and `container clone`. */
export const limitSpecs = {
  "blkio-weight": value({
    metavar: "WEIGHT",
    summary: "share of block devices, 10 to 1000",
    parse: integer(10, 1000, "a weight"),
  }),
  "blkio-weight-device": list({
    metavar: "DEVICE:WEIGHT",
    summary: "share of one device",
    parse: parseDeviceWeight,
  }),
  "cpu-period": value({
    metavar: "MICROSECONDS",
    summary: "period of --cpu-quota (100000)",
    parse: integer(1000, 1_000_000, "microseconds"),
  }),
  "cpu-quota": value({
    metavar: "MICROSECONDS",
    summary: "processor time in each period, -1: all",
    parse: integer(-1, 1_000_000_000, "microseconds"),
  }),
  "cpu-shares": value({
    char: "c",
    metavar: "SHARES",
    summary: "share of the processors beside others' 1024",
    parse: integer(0, 262_144, "a share"),
  }),
  cpus: value({ metavar: "NUMBER", summary: "how many processors at most", parse: parseCpus }),
  "cpuset-cpus": value({
    metavar: "LIST",
    summary: "only these processors: 0-2,4",
    parse: parseList,
  }),
  "cpuset-mems": value({ metavar: "LIST", summary: "only these memory nodes", parse: parseList }),
  "device-read-bps": device("bytes read in a second at most", parseDeviceSize),
  "device-read-iops": device("reads in a second at most", parseDeviceNumber),
  "device-write-bps": device("bytes written in a second at most", parseDeviceSize),
  "device-write-iops": device("writes in a second at most", parseDeviceNumber),
  memory: value({
    char: "m",
    metavar: "SIZE",
    summary: "memory at most; what needs more is killed",
    parse: parseLimitedSize,
  }),
  "memory-reservation": value({
    metavar: "SIZE",
    summary: "memory that is taken from others first",
    parse: parseSize,
  }),
  "memory-swap": value({
    metavar: "SIZE",
    summary: "memory and swap together (twice --memory), -1: all swap",
    parse: parseLimitedSize,
  }),
  "pids-limit": value({
    metavar: "N",
    summary: "processes and threads at most (2048), -1: no limit",
    parse: integer(-1, 4_194_304),
  }),
} as const;

/** The control group itself, of `run` and `create`. */
export const cgroupSpecs = {
  "cgroup-conf": list({
    metavar: "FILE=VALUE",
    summary: "write into a file of the control group: memory.high=1073741824",
    parse: parseKeyValue,
  }),
  "cgroup-parent": text({
    metavar: "PARENT",
    summary: "make the control group there: NAME.slice, or a path",
  }),
  cgroupns: value({
    metavar: "MODE",
    summary: "cgroup namespace: private, host, container:NAME, ns:PATH",
    parse: parseCgroupNamespace,
  }),
  cgroups: value({
    metavar: "MODE",
    summary: "a control group of its own: enabled, disabled, split, no-conmon",
    parse: parseCgroups,
  }),
  limits: value({
    metavar: "POLICY",
    summary: "a limit that cannot be is an error (strict), or a warning (best-effort)",
    parse: oneOf("strict", "best-effort"),
  }),
} as const;
