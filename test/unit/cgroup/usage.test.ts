import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLimits, readUsage } from "../../../src/cgroup/usage.ts";

let group = "";
beforeEach(() => {
  group = mkdtempSync(path.join(tmpdir(), "group-"));
});
afterEach(() => rmSync(group, { recursive: true }));

function files(contents: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(contents)) writeFileSync(path.join(group, name), text);
}

describe("what a group uses", () => {
  it("is in its files, without the page cache that nobody has used lately", () => {
    files({
      "cpu.stat": "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n",
      "memory.current": "10000\n",
      "memory.stat": "anon 5000\ninactive_file 3000\nactive_file 2000\n",
      "memory.max": "67108864\n",
      "io.stat": "8:0 rbytes=100 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n",
      "pids.current": "7\n",
    });
    expect(readUsage(group)).toEqual({
      cpuMicroseconds: 2_500_000,
      memory: 7000,
      memoryLimit: 67_108_864,
      block: { read: 101, written: 22 },
      tasks: 7,
    });
  });

  it("is unknown where a controller is missing, and no limit is none", () => {
    files({ "memory.current": "5\n", "memory.max": "max\n" });
    expect(readUsage(group)).toEqual({
      cpuMicroseconds: undefined,
      memory: 5,
      memoryLimit: undefined,
      block: undefined,
      tasks: undefined,
    });
  });
});

describe("what limits a group", () => {
  it("is what differs from no limit", () => {
    files({
      "memory.max": "max\n",
      "memory.low": "0\n",
      "cpu.max": "max 100000\n",
      "cpu.weight": "100\n",
      "pids.max": "2048\n",
      "io.max":
        "8:0 rbps=1 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=2 riops=max wiops=max\n",
      "cpuset.cpus": "\n",
      "cpuset.mems": "0\n",
      "memory.swap.max": "0\n",
      "hugetlb.2MB.max": "0\n",
      "cgroup.max.depth": "5\n",
      "memory.current": "7\n",
    });
    expect(readLimits(group)).toEqual({
      "pids.max": "2048",
      "cpuset.mems": "0",
      "memory.swap.max": "0",
      "hugetlb.2MB.max": "0",
      "io.max": "8:0 rbps=1 wbps=max riops=max wiops=max, 8:16 rbps=max wbps=2 riops=max wiops=max",
    });
  });
});
