import { describe, expect, it } from "vitest";
import { resolveGuardedPaths } from "../../../src/bundle/masked-paths.ts";

const nothing = { mask: [], unmask: [] };
const masked = (security: Parameters<typeof resolveGuardedPaths>[0], privileged = false) =>
  resolveGuardedPaths(security, privileged, ["/sys/devices/system/cpu/cpu0/thermal_throttle"]);

describe("resolveGuardedPaths", () => {
  it("hides and protects what Podman does", () => {
    const { masked: hidden, readonly } = masked(nothing);
    const paths = hidden.map((one) => one.path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "/proc/acpi",
        "/proc/interrupts",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/sched_debug",
        "/proc/scsi",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/sys/dev/block",
        "/sys/devices/virtual/powercap",
        "/sys/devices/system/cpu/cpu0/thermal_throttle",
        "/sys/firmware",
        "/sys/fs/selinux",
      ]),
    );
    expect(readonly.map((one) => one.path)).toEqual([
      "/proc/asound",
      "/proc/bus",
      "/proc/fs",
      "/proc/irq",
      "/proc/sys",
      "/proc/sysrq-trigger",
    ]);
  });

  it("leaves out what unmask names, by path or pattern, in both lists", () => {
    const exact = masked({ mask: [], unmask: ["/proc/kcore", "/proc/sys"] });
    expect(exact.masked.map((one) => one.path)).not.toContain("/proc/kcore");
    expect(exact.readonly.map((one) => one.path)).not.toContain("/proc/sys");
    const pattern = masked({ mask: [], unmask: ["/proc/*"] });
    expect(pattern.masked.every((one) => one.path.startsWith("/sys"))).toBe(true);
    expect(pattern.readonly).toEqual([]);
    expect(masked({ mask: [], unmask: ["all"] })).toEqual({ masked: [], readonly: [] });
  });

  it("adds what mask names, once", () => {
    const { masked: hidden } = masked({ mask: ["/etc/secret/", "/proc/kcore"], unmask: [] });
    expect(hidden.filter((one) => one.path === "/proc/kcore")).toHaveLength(1);
    expect(hidden).toContainEqual({ path: "/etc/secret", because: "--security-opt mask" });
  });

  it("guards nothing with --privileged but what mask names", () => {
    expect(masked(nothing, true)).toEqual({ masked: [], readonly: [] });
    expect(masked({ mask: ["/x"], unmask: [] }, true).masked).toHaveLength(1);
  });

  it("refuses relative paths", () => {
    expect(() => masked({ mask: ["etc"], unmask: [] })).toThrow("not an absolute path");
    expect(() => masked({ mask: [], unmask: ["proc"] })).toThrow("not an absolute path");
  });
});
