import { describe, expect, it } from "vitest";
import { compileResources } from "../../../src/bundle/resources.ts";

const disk = () => ({ major: 8, minor: 16 });

describe("compileResources", () => {
  it("asks for nothing where nothing is asked and no group is made", () => {
    expect(compileResources(undefined, false)).toBeUndefined();
    expect(compileResources({}, false)).toBeUndefined();
  });

  it("limits processes to Podman's number in a group, unless another one is asked for", () => {
    expect(compileResources(undefined, true)).toEqual({ pids: { limit: 2048 } });
    expect(compileResources({ pidsLimit: -1 }, true)).toEqual({ pids: { limit: -1 } });
    expect(compileResources({ pidsLimit: 7 }, false)).toEqual({ pids: { limit: 7 } });
  });

  it("has the members of an OCI configuration", () => {
    const limits = {
      memory: 1,
      memorySwap: 3,
      memoryReservation: 2,
      cpuShares: 4,
      cpuQuota: 5,
      cpuPeriod: 6,
      cpusetCpus: "0",
      cpusetMems: "1",
      blkioWeight: 10,
      blkioWeightDevice: [{ path: "/dev/sdb", rate: 20 }],
      deviceReadBps: [{ path: "/dev/sdb", rate: 30 }],
      deviceWriteBps: [{ path: "/dev/sdb", rate: 40 }],
      deviceReadIops: [{ path: "/dev/sdb", rate: 50 }],
      deviceWriteIops: [{ path: "/dev/sdb", rate: 60 }],
      conf: { "memory.high": "7" },
    };
    expect(compileResources(limits, false, disk)).toEqual({
      memory: { limit: 1, swap: 3, reservation: 2 },
      cpu: { shares: 4, quota: 5, period: 6, cpus: "0", mems: "1" },
      blockIO: {
        weight: 10,
        weightDevice: [{ ...disk(), weight: 20 }],
        throttleReadBpsDevice: [{ ...disk(), rate: 30 }],
        throttleWriteBpsDevice: [{ ...disk(), rate: 40 }],
        throttleReadIOPSDevice: [{ ...disk(), rate: 50 }],
        throttleWriteIOPSDevice: [{ ...disk(), rate: 60 }],
      },
      unified: { "memory.high": "7" },
    });
  });

  it.each([
    ["/dev/null", "it is no block device"],
    ["/dev/no-such-disk", "no such file"],
  ])("refuses %s, and names the option", (path, why) => {
    expect(() => compileResources({ deviceReadBps: [{ path, rate: 1 }] }, false)).toThrow(
      expect.objectContaining({
        code: "USAGE",
        message: expect.stringMatching(new RegExp(`^use --device-read-bps ${path}.*${why}`, "i")),
      }),
    );
  });
});
