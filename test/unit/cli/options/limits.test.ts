import { describe, expect, it } from "vitest";
import { cgroupSpecs, limitSpecs } from "../../../../src/cli/options/limit-specs.ts";
import { cgroupOptions, limitOptions } from "../../../../src/cli/options/limits.ts";
import { parseOptions } from "../../../../src/cli/parse-options.ts";
import { rejectedError } from "../thrown-error.ts";

const table = { ...limitSpecs, ...cgroupSpecs };

async function parse(line: string) {
  const rules = { stopAtPositional: true, command: "tsman run" };
  const { values } = await parseOptions(line.split(" ").filter(Boolean), table, rules, {});
  const limits = limitOptions(values);
  return { limits, cgroup: cgroupOptions(values, limits) };
}

describe("limits on the command line", () => {
  it("are missing where none is given", async () => {
    expect(await parse("")).toEqual({ limits: undefined, cgroup: undefined });
  });

  it.each([
    ["-m 64m", { memory: 64 << 20 }],
    ["--memory=1.5g --memory-swap -1", { memory: 1.5 * 2 ** 30, memorySwap: -1 }],
    ["--memory-reservation 32k", { memoryReservation: 32 << 10 }],
    ["--cpus 1.5", { cpuQuota: 150_000, cpuPeriod: 100_000 }],
    ["--cpus 0.5", { cpuQuota: 50_000, cpuPeriod: 100_000 }],
    ["--cpu-quota 5000 --cpu-period 20000", { cpuQuota: 5000, cpuPeriod: 20_000 }],
    ["-c 512", { cpuShares: 512 }],
    ["--cpuset-cpus 0-2,4 --cpuset-mems 0", { cpusetCpus: "0-2,4", cpusetMems: "0" }],
    ["--pids-limit -1", { pidsLimit: -1 }],
    ["--blkio-weight 500", { blkioWeight: 500 }],
    [
      "--blkio-weight-device /dev/sda:10 --blkio-weight-device /dev/sdb:20",
      {
        blkioWeightDevice: [
          { path: "/dev/sda", rate: 10 },
          { path: "/dev/sdb", rate: 20 },
        ],
      },
    ],
    ["--device-read-bps /dev/sda:1mb", { deviceReadBps: [{ path: "/dev/sda", rate: 1 << 20 }] }],
    ["--device-write-iops /dev/sda:5", { deviceWriteIops: [{ path: "/dev/sda", rate: 5 }] }],
  ])("%s", async (line, limits) => {
    expect((await parse(line)).limits).toEqual(limits);
  });

  it.each([
    ["--cgroups split --cgroupns host", { mode: "split", isHostNamespace: true }],
    ["--cgroup-parent my.slice", { parent: "my.slice" }],
    ["--limits best-effort", { isBestEffort: true }],
    ["--limits strict", undefined],
    ["--cgroups enabled --cgroupns private", { mode: "enabled", isHostNamespace: false }],
    ["--cgroups no-conmon --cgroup-parent /mine", { mode: "no-conmon", parent: "/mine" }],
    ["--cgroupns container:web", { namespace: { mode: "container", container: "web" } }],
    ["--cgroupns ns:/proc/1/ns/cgroup", { namespace: { mode: "path", path: "/proc/1/ns/cgroup" } }],
  ])("%s", async (line, cgroup) => {
    expect((await parse(line)).cgroup).toEqual(cgroup);
  });

  it.each([
    "--memory -2",
    "--memory 1x",
    "--cpus 0.001",
    "--cpus 1e3",
    "--cpus 1 --cpu-period 2000",
    "--cpuset-cpus 0-",
    "--cpuset-cpus 0\n1",
    "--pids-limit 1.5",
    "--device-read-bps /dev/sda",
    "--device-read-bps ../sda:1m",
    "--device-write-iops /dev/sda:1m",
    "--blkio-weight-device /dev/sda:5",
    "--cgroups conmon",
    "--cgroupns ns:",
    "--cgroupns container:",
    "--cgroupns pod",
    "--cgroups disabled --pids-limit 5",
    "--cgroups disabled --cgroup-conf memory.high=1",
    "--cgroups disabled --cgroup-parent a.slice",
  ])("%j is refused, with a hint", async (line) => {
    const error = await rejectedError(parse(line));
    expect(["USAGE", "OPTION_UNSUPPORTED"]).toContain(error.code);
    expect(error.hint).toBeDefined();
  });
});
