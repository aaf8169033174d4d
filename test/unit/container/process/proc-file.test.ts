import process from "node:process";
import { describe, expect, it } from "vitest";
import { containerPids, ownPids } from "../../../../src/container/process/container-pids.ts";
import { parseNames } from "../../../../src/container/process/id-names.ts";
import {
  numbersOf,
  parseProcStat,
  parseProcStatus,
  readProcText,
} from "../../../../src/container/process/proc-file.ts";
import { processStartTime } from "../../../../src/platform/process-start-time.ts";

const fields = "7 41 40 34816 39 4194304 1 2 3 4 150 50 20 10 20 5 3 0 900 2097152 300";

describe("what /proc says of a process", () => {
  it("is taken apart, whatever its program is called", () => {
    expect(parseProcStat(`42 (a) S 1 (b) R ${fields}\n`)).toEqual({
      command: "a) S 1 (b",
      state: "R",
      parentPid: 7,
      processGroup: 41,
      session: 40,
      terminal: 34_816,
      foregroundGroup: 39,
      ticks: 200,
      childTicks: 30,
      nice: 5,
      threads: 3,
      startTicks: 900,
      virtualSize: 2_097_152,
    });
  });

  it.each(["", "42 (a", "42 (a) R 7", "42 a R 7 8"])("%j is nothing", (text) => {
    expect(parseProcStat(text)).toBeUndefined();
  });

  it("has lists of numbers", () => {
    const status = parseProcStatus("Name:\ta:b\nNSpid:\t4711\t3\nGroups:\t\n");
    expect(status.get("Name")).toBe("a:b");
    expect(numbersOf(status.get("NSpid"))).toEqual([4711, 3]);
    expect(numbersOf(status.get("Groups"))).toEqual([]);
    expect(numbersOf(undefined)).toEqual([]);
  });

  it("is missing for one that is gone", () => {
    expect(readProcText(0x7ffffff0, "stat")).toBeUndefined();
  });
});

describe("the processes of a container", () => {
  it("with the host's pid namespace are those that its init has started", () => {
    const pids = containerPids(process.pid);
    expect(pids[0]).toBe(process.pid);
    expect(pids).not.toContain(process.ppid);
  });

  it.each([
    { hasOwnPids: true, hasOwnMounts: true },
    { hasOwnPids: false, hasOwnMounts: true },
    { hasOwnPids: false, hasOwnMounts: false },
  ])("are none of whoever got its init's number (%o)", (own) => {
    const startTime = processStartTime(process.pid) ?? 0n;
    expect(ownPids({ pid: process.pid, startTime }, own)).toContain(process.pid);
    expect(ownPids({ pid: process.pid, startTime: startTime + 1n }, own)).toEqual([]);
  });

  it("in namespaces that are others' too are those that its init has started", () => {
    const startTime = processStartTime(process.pid) ?? 0n;
    const shared = { hasOwnPids: false, hasOwnMounts: false };
    expect(ownPids({ pid: process.pid, startTime }, shared)).not.toContain(process.ppid);
  });
});

describe("names of ids", () => {
  it("come from the first line for an id; what is no line is left out", () => {
    const text = "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:\nbad\n:x:5:\nweb:x:33\nno:x:-1\n";
    expect([...parseNames(text)]).toEqual([
      [0, "root"],
      [33, "web"],
    ]);
  });
});
