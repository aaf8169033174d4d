import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TarBuilder } from "../support/tar-builder.ts";
import { useStage } from "./run-stage.ts";

// S6, CVE-2025-31133: what masks a file is bound from /dev/null, which the image may have replaced.
// S15, GHSA-jq35-85cj-fj4p: paths that tell about the host.
const stage = useStage();

/** Podman's list (containers/common, 2025), spelled out: compared with ours by what it hides. */
const masked = [
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
  "/sys/firmware",
  "/sys/fs/selinux",
];
const readOnly = [
  "/proc/asound",
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/**
 * Prints every masked path that shows anything, and every read-only one that takes a write; without
 * /dev/null, which may be anything here.
 */
const look = [
  ...masked.map((path) => `[ -d ${path} ] && [ "$(ls -A ${path})" ] && echo shows ${path}`),
  ...masked.map((path) => `[ -f ${path} ] && [ "$(head -c 1 ${path})" ] && echo shows ${path}`),
  ...masked.map((path) => `[ -e ${path} ] && (echo x >${path}/x) 2>&- && echo takes ${path}`),
  "for f in /sys/devices/system/cpu/cpu*/thermal_throttle/*; do [ -e $f ] && echo shows $f; done",
  "for f in $(find /proc/sys /proc/sysrq-trigger /proc/irq /proc/bus -type f); do",
  "  (: >>$f) 2>&- && echo takes $f; done",
  "echo looked",
].join("\n");

describe("the masked and read-only paths", () => {
  it("show and take nothing, whoever the program is", async () => {
    const { stdout, stderr } = await stage().run("busybox", "sh", "-c", look);
    expect(stdout, stderr).toBe("looked\n");
  });

  it("are really there to be masked", () => {
    // If a kernel has none of them the test above says nothing.
    expect(masked.filter((path) => existsSync(path)).length).toBeGreaterThan(3);
    expect(readOnly.filter((path) => existsSync(path)).length).toBeGreaterThan(2);
  });

  it("can neither be unmounted nor bound elsewhere", async () => {
    const script = [
      "umount /proc/keys; umount -l /proc/sys; mount -o remount,rw,bind /proc/sys",
      "mkdir /tmp/p; mount --bind /proc /tmp/p; mount -t proc proc /tmp/p; mount -t sysfs s /tmp/p",
      "ls -A /tmp/p",
      look,
    ].join("\n");
    const { stdout } = await stage().run("busybox", "sh", "-c", script);
    expect(stdout).toBe("looked\n");
  });
});

describe("a /dev/null that is no null device", () => {
  // The container's /dev is a volume in which another container has put something.
  const plant = async (how: string) => {
    const given = stage().directory();
    await stage().run("-v", `${given}:/d`, "busybox", "sh", "-c", how);
    return given;
  };

  it.each([
    ["a link to core_pattern", "ln -s /proc/sys/kernel/core_pattern /d/null"],
    ["a link to a victim", "ln -s ../../victim/file /d/null"],
    ["a file", "echo secret >/d/null"],
    ["a fifo", "mkfifo /d/null"],
    ["a directory", "mkdir /d/null"],
    ["missing", ":"],
  ])("masks nothing writable: %s", async (_name, how) => {
    const given = await plant(how);
    const { stdout } = await stage().run("-v", `${given}:/dev`, "busybox", "sh", "-c", look);
    // Either it is refused or it is as safe as ever.
    expect(stdout.trim()).toMatch(/^(looked)?$/);
    stage().expectVictimIntact();
  });

  it("is not asked for: an image's own is covered by a new /dev", async () => {
    const image = stage().image({
      layers: [new TarBuilder().dir("dev").symlink("dev/null", "/proc/sys/kernel/core_pattern")],
    });
    const { stdout } = await stage().run(image, "sh", "-c", `[ -c /dev/null ] && ${look}`);
    expect(stdout).toBe("looked\n");
  });
});
