import { describe, expect, it, test } from "vitest";
import { compileLimits } from "../../../src/cgroup/compile-limits.ts";
import type { LinuxResources } from "../../../src/oci/runtime-spec.ts";

/** `FILE=VALUE`, without those that nobody has asked for. */
function asked(resources: LinuxResources): readonly string[] {
  return compileLimits(resources)
    .filter(({ isImplied }) => isImplied !== true)
    .map(({ file, value }) => `${file}=${value}`);
}

const mebibyte = 1 << 20;

describe("limits of version 2", () => {
  it("are none where nothing is asked for", () => {
    expect(compileLimits({})).toEqual([]);
    expect(compileLimits({ memory: {}, cpu: {}, blockIO: {}, unified: {} })).toEqual([]);
  });

  it.each<[LinuxResources, readonly string[]]>([
    [{ memory: { limit: 64 * mebibyte } }, ["memory.max=67108864"]],
    [{ memory: { limit: -1 } }, ["memory.max=max"]],
    [{ memory: { reservation: 4096 } }, ["memory.low=4096"]],
    [{ memory: { limit: 100, swap: 300 } }, ["memory.max=100", "memory.swap.max=200"]],
    [{ memory: { limit: 100, swap: 100 } }, ["memory.max=100", "memory.swap.max=0"]],
    [{ memory: { limit: 100, swap: -1 } }, ["memory.max=100", "memory.swap.max=max"]],
    [{ memory: { swap: -1 } }, ["memory.swap.max=max"]],
    [{ cpu: { shares: 1024 } }, ["cpu.weight=100"]],
    [{ cpu: { shares: 0 } }, []],
    [{ cpu: { quota: 50_000 } }, ["cpu.max=50000 100000"]],
    [{ cpu: { quota: 50_000, period: 20_000 } }, ["cpu.max=50000 20000"]],
    [{ cpu: { quota: -1, period: 20_000 } }, ["cpu.max=max 20000"]],
    [{ cpu: { period: 20_000 } }, ["cpu.max=max 20000"]],
    [{ cpu: { burst: 7, idle: 1 } }, ["cpu.idle=1", "cpu.max.burst=7"]],
    [{ cpu: { cpus: "0-2,4", mems: "0" } }, ["cpuset.cpus=0-2,4", "cpuset.mems=0"]],
    [{ cpu: { cpus: "", mems: "" } }, []],
    [{ pids: { limit: 20 } }, ["pids.max=20"]],
    [{ pids: { limit: -1 } }, ["pids.max=max"]],
    [{ pids: { limit: 0 } }, ["pids.max=max"]],
    [
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: mebibyte }] } },
      ["io.max=8:0 rbps=1048576"],
    ],
    [
      {
        blockIO: {
          throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
          throttleReadIOPSDevice: [{ major: 8, minor: 16, rate: 2 }],
          throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 0 }],
        },
      },
      ["io.max=8:0 wbps=1", "io.max=8:16 riops=2", "io.max=8:16 wiops=max"],
    ],
    [{ hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }, ["hugetlb.2MB.max=0"]],
    [
      { unified: { "memory.high": "1000", "cgroup.max.depth": "3" } },
      ["memory.high=1000", "cgroup.max.depth=3"],
    ],
    // A write sets the limits of one device.
    [
      { unified: { "io.max": "8:0 rbps=1\n8:16 wiops=2\n" } },
      ["io.max=8:0 rbps=1", "io.max=8:16 wiops=2"],
    ],
  ])("%j", (resources, settings) => {
    expect(asked(resources)).toEqual(settings);
  });

  it("have as much swap as memory where nobody says otherwise, if the kernel can count that", () => {
    expect(compileLimits({ memory: { limit: 100 } })).toContainEqual({
      controller: "memory",
      file: "memory.swap.max",
      value: "100",
      isImplied: true,
    });
    expect(compileLimits({ memory: { limit: -1 } }).map(({ file }) => file)).toEqual([
      "memory.max",
    ]);
  });

  it("have weights of block devices on both of the kernel's scales", () => {
    const weights = [10, 500, 1000].map((weight) => compileLimits({ blockIO: { weight } })[0]);
    expect(weights.map((setting) => [setting?.value, setting?.otherwise?.value])).toEqual([
      ["10", "default 1"],
      ["500", "default 4950"],
      ["1000", "default 10000"],
    ]);
    const [device] = compileLimits({
      blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 10 }] },
    });
    expect(device).toMatchObject({ value: "8:0 10", otherwise: { value: "8:0 1" } });
  });

  it("put what is written into files by name last, over the rest", () => {
    const settings = compileLimits({ unified: { "pids.max": "3" }, pids: { limit: 9 } });
    expect(settings.map(({ value }) => value)).toEqual(["9", "3"]);
  });

  it("name the controller of each file, which may not be delegated", () => {
    const settings = compileLimits({
      memory: { limit: 1 },
      cpu: { quota: 5000, cpus: "0" },
      pids: { limit: 1 },
      blockIO: { weight: 10 },
      unified: { "hugetlb.2MB.max": "0", "cgroup.max.descendants": "0" },
    });
    expect(settings.map(({ controller }) => controller)).toEqual([
      "memory",
      "memory",
      "cpu",
      "cpuset",
      "pids",
      "io",
      "hugetlb",
      "cgroup",
    ]);
  });

  test.each<[LinuxResources, string]>([
    [{ memory: { swap: 100 } }, "without a limit of memory"],
    [{ memory: { limit: 200, swap: 100 } }, "less than 200 of memory"],
    [{ memory: { limit: 200, reservation: 300 } }, "more than the limit of 200"],
    [{ unified: { "cgroup.procs": "1" } }, "not a limit"],
    [{ unified: { "cgroup.kill": "1" } }, "not a limit"],
    [{ unified: { "../memory.max": "1" } }, "not a limit"],
    [{ unified: { "memory/max": "1" } }, "not a limit"],
    [{ unified: { memory: "1" } }, "not a limit"],
  ])("refuse %j", (resources, why) => {
    expect(() => compileLimits(resources)).toThrow(
      expect.objectContaining({ code: "USAGE", message: expect.stringContaining(why) }),
    );
  });
});
