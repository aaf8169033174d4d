import { describe, expect, it } from "vitest";
import { isFullyVisible, parseMountinfo } from "../../../src/bundle/mountinfo.ts";

const parse = (...lines: string[]) => parseMountinfo(`${lines.join("\n")}\n`);
const proc = "22 28 0:21 / /proc rw,nosuid shared:12 - proc proc rw";

describe("parseMountinfo", () => {
  it("reads ids, root, target and type, with and without optional fields", () => {
    expect(parse(proc, "9 22 0:5 /a\\040b /proc/x\\134y ro - tmpfs t rw")).toEqual([
      { id: 22, parent: 28, root: "/", target: "/proc", type: "proc" },
      { id: 9, parent: 22, root: "/a\\040b", target: "/proc/x\\y", type: "tmpfs" },
    ]);
  });

  it("leaves out what it does not understand", () => {
    expect(parse("", "nonsense", "1 2 3 4 5 6")).toEqual([]);
  });
});

describe("isFullyVisible", () => {
  it("is true for a proc with nothing on it", () => {
    expect(isFullyVisible(parse(proc), "proc")).toBe(true);
  });

  it("is true when only directories that are always empty are covered", () => {
    const binfmt = "30 22 0:30 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw";
    expect(isFullyVisible(parse(proc, binfmt), "proc")).toBe(true);
    const sys = "23 28 0:22 / /sys rw - sysfs sysfs rw";
    const cgroup = "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
    expect(isFullyVisible(parse(sys, cgroup), "sysfs")).toBe(true);
  });

  it("is false where an outer container masks a part", () => {
    const masked = "40 22 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw";
    expect(isFullyVisible(parse(proc, masked), "proc")).toBe(false);
  });

  it("is true when a second instance is in full view", () => {
    const masked = "40 22 0:5 /null /proc/kcore rw - devtmpfs devtmpfs rw";
    const second = "50 28 0:50 / /mnt/proc rw - proc proc rw";
    expect(isFullyVisible(parse(proc, masked, second), "proc")).toBe(true);
  });

  it("is false without one, or with a part of one", () => {
    expect(isFullyVisible([], "proc")).toBe(false);
    expect(isFullyVisible(parse("22 28 0:21 /sys /x rw - proc proc rw"), "proc")).toBe(false);
  });
});
