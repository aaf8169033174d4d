import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type HostIdsSource, readHostIds } from "../../../src/rootless/host-ids.ts";
import { findMount } from "../../../src/rootless/map-tools.ts";

let directory: string;
let source: HostIdsSource;

const write = (name: string, text: string): void => writeFileSync(path.join(directory, name), text);

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), "tsman-host-ids-"));
  for (const name of ["etc", "proc", "bin"]) mkdirSync(path.join(directory, name));
  source = {
    etc: path.join(directory, "etc"),
    procSelf: path.join(directory, "proc"),
    toolDirectories: [path.join(directory, "nowhere"), path.join(directory, "bin")],
    uid: 1000,
    gid: 1001,
    userName: "ada",
    hasFileCapabilities: () => true,
  };
  write("etc/subuid", "ada:100000:65536\ncontainers:3000000:10\n");
  write("etc/subgid", "ada:200000:65536\n");
  write("proc/uid_map", "         0          0 4294967295\n");
  write("proc/gid_map", "         0          0 4294967295\n");
  write("proc/status", "Name:\tnode\nCapEff:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n");
  write("proc/mountinfo", "21 1 8:1 / / rw,relatime - ext4 /dev/vda rw\n");
  for (const name of ["newuidmap", "newgidmap"]) {
    write(`bin/${name}`, "");
    chmodSync(path.join(directory, "bin", name), 0o755);
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

describe("the facts of an ordinary host", () => {
  it("hold the caller's ranges, everybody's and those of containers", () => {
    expect(readHostIds(source)).toMatchObject({
      uid: 1000,
      gid: 1001,
      subuid: [{ start: 100_000, count: 65_536 }],
      subgid: [{ start: 200_000, count: 65_536 }],
      containersSubuid: [{ start: 3_000_000, count: 10 }],
      containersSubgid: [],
      reservedUid: [
        { start: 100_000, count: 65_536 },
        { start: 3_000_000, count: 10 },
      ],
      offeredUid: [{ start: 0, count: 4_294_967_295 }],
      isNested: false,
      canSetIds: false,
      tools: { state: "usable", newuidmap: path.join(directory, "bin/newuidmap") },
    });
  });

  it("hold no range where there is no file", () => {
    rmSync(path.join(directory, "etc/subuid"));
    expect(readHostIds(source)).toMatchObject({ subuid: [], reservedUid: [] });
  });

  it("know that ids may be set with both capabilities, and not with one", () => {
    write("proc/status", "CapEff:\t00000000000000c0\n");
    expect(readHostIds(source).canSetIds).toBe(true);
    write("proc/status", "CapEff:\t0000000000000080\n");
    expect(readHostIds(source).canSetIds).toBe(false);
  });

  it("know a container by its uid map", () => {
    write("proc/uid_map", "0 1000 1\n1 100000 65536\n");
    const host = readHostIds(source);
    expect(host.isNested).toBe(true);
    expect(host.offeredUid).toEqual([
      { start: 0, count: 1 },
      { start: 1, count: 65_536 },
    ]);
  });
});

describe("newuidmap", () => {
  it("is missing when one of the two programs is", () => {
    rmSync(path.join(directory, "bin/newgidmap"));
    expect(readHostIds(source).tools).toMatchObject({
      state: "missing",
      because: "newgidmap is not installed",
      remedy: expect.stringContaining("uidmap") as string,
    });
  });

  it("cannot work with no_new_privs", () => {
    write("proc/status", "CapEff:\t0000000000000000\nNoNewPrivs:\t1\n");
    expect(readHostIds(source).tools).toMatchObject({
      state: "unusable",
      because: expect.stringContaining("no_new_privs") as string,
    });
  });

  it("cannot work without setuid bit and capabilities", () => {
    const { tools } = readHostIds({ ...source, hasFileCapabilities: () => false });
    expect(tools).toMatchObject({
      state: "unusable",
      remedy: expect.stringContaining("chmod u+s") as string,
    });
  });

  it("cannot work on a mount with nosuid", () => {
    write(
      "proc/mountinfo",
      "21 1 8:1 / / rw,relatime - ext4 /dev/vda rw\n" +
        `22 21 8:2 / ${directory} rw,nosuid,nodev - ext4 /dev/vdb rw\n`,
    );
    expect(readHostIds(source).tools).toMatchObject({
      state: "unusable",
      because: expect.stringContaining("nosuid") as string,
    });
  });
});

it("the mount of a file is the longest one above it, and the last of those", () => {
  const mountinfo = [
    "1 0 8:1 / / rw - ext4 a rw",
    "2 1 8:2 / /usr ro,nosuid - ext4 b ro",
    "3 1 8:3 / /usr rw - ext4 c rw",
    "4 1 8:4 / /usr/bin\\040old rw,noexec - ext4 d rw",
    "",
  ].join("\n");
  expect(findMount(mountinfo, "/usr/bin/x")).toEqual({ target: "/usr", options: ["rw"] });
  expect(findMount(mountinfo, "/usrlocal")).toEqual({ target: "/", options: ["rw"] });
  expect(findMount(mountinfo, "/usr/bin old/x")?.options).toEqual(["rw", "noexec"]);
});
