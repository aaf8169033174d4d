import { beforeAll, describe, expect, it } from "vitest";
import { type Config, OciBundles } from "./oci-bundles.ts";
import { useStore } from "./support.ts";

const store = useStore();
let oci: OciBundles;

beforeAll(() => {
  oci = new OciBundles(store());
});

describe("remount of a config.json", () => {
  it("changes the mount, takes flags away too, and leaves what is below as it was", async () => {
    const printed = await oci.output(
      "remounted",
      "grep -E ' (/tmp|/home)[^ ]* r[ow]' /proc/self/mountinfo | cut -d ' ' -f 5-7; busybox touch /home/x 2>/dev/null || echo closed",
      (config) => {
        config.mounts.push(
          { destination: "/tmp/below", type: "tmpfs", source: "tmpfs", options: ["noexec"] },
          { destination: "/home", type: "tmpfs", source: "tmpfs", options: ["nodev"] },
          { destination: "/home", options: ["remount", "bind", "ro"] },
          { destination: "/tmp", options: ["remount", "suid", "ro", "shared"] },
          { destination: "/tmp", options: ["remount", "rw"] },
        );
      },
    );
    expect(printed.replaceAll(/shared:\d+/g, "shared").split("\n")).toEqual([
      "/tmp rw,nodev,relatime shared",
      "/tmp/below rw,noexec,relatime -",
      "/home ro,nodev,relatime -",
      "closed",
      "",
    ]);
  });

  it.each([[["ro"]], [["bind"]]])(
    "is refused where nothing is mounted, %j as well",
    async (options) => {
      const id = `unmounted-${options}`;
      const bundle = oci.bundle(id, "true", (config) => {
        config.mounts.push({ destination: "/etc", options: ["remount", ...options] });
      });
      const { status, stderr } = await oci.run(["run", "--bundle", bundle, id]);
      expect(status).toBe(125);
      expect(stderr).toMatch(/remount \/etc \(\/mounts\/\d\): .*nothing is mounted there/);
    },
  );

  it("of /dev to be read-only comes after what the specification wants there", async () => {
    const script =
      "echo x >/dev/null; ls -d /dev/fd; busybox touch /dev/x 2>/dev/null || echo closed";
    const printed = await oci.output("dev-closed", script, (config) => {
      config.mounts.push(
        { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid"] },
        { destination: "/dev", options: ["remount", "ro", "nosuid"] },
      );
    });
    expect(printed).toBe("/dev/fd\nclosed\n");
  });
});

describe("a mount of a config.json", () => {
  /** The options of the mount at a place. */
  const optionsAt = (place: string): string =>
    `grep ' ${place} ' /proc/self/mountinfo | cut -d ' ' -f 6`;

  it.each([
    [["bind", "ro", "rw"], "rw"],
    [["bind", "rw", "ro"], "ro"],
    [["rbind", "rro", "rrw"], "rw"],
  ])("with contradicting options, %j, has the later one", async (options, access) => {
    const printed = await oci.output(
      `later-${options.join("-")}`,
      optionsAt("/place"),
      (config) => {
        const mount = { destination: "/place", type: "bind", source: oci.rootfs, options };
        config.mounts.push(mount);
      },
    );
    expect(printed.split(",")[0]).toBe(access);
  });

  it("of a file system too", async () => {
    const options = ["noexec", "exec", "dev", "nodev"];
    const printed = await oci.output("later-tmpfs", optionsAt("/place"), (config) => {
      config.mounts.push({ destination: "/place", type: "tmpfs", source: "tmpfs", options });
    });
    expect(printed).toMatch(/^rw,nodev,relatime/);
  });

  it("at /proc, read-only, leaves room for the settings that are asked for", async () => {
    const setting = "kernel/shm_rmid_forced";
    const printed = await oci.output(
      "proc-closed",
      `cat /proc/sys/${setting}; ${optionsAt("/proc")}; echo 0 2>/dev/null >/proc/sys/${setting} || echo closed`,
      (config) => {
        const proc = config.mounts.find((one: Config) => one.destination === "/proc");
        proc.options = ["ro", "nosuid"];
        config.linux.sysctl = { "kernel.shm_rmid_forced": "1" };
      },
    );
    expect(printed).toMatch(/^1\nro,nosuid,relatime\nclosed\n$/);
  });

  it("of control groups of version 2 shows the container's own, on a host with version 1 too", async () => {
    const script = "cat /sys/fs/cgroup/cgroup.procs >/dev/null && cat /proc/self/cgroup | grep ^0:";
    const printed = await oci.output("cgroup2", script, (config) => {
      const place = { destination: "/sys/fs/cgroup", type: "cgroup2", source: "cgroup2" };
      config.mounts.push({ ...place, options: ["ro"] });
    });
    expect(printed).toBe("0::/\n");
  });
});
