import { runtimeSpecVersion } from "../../oci/runtime-spec.ts";

const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
const noUse = ["nosuid", "noexec", "nodev"];

/**
 * A config.json to begin with, as `spec` of other runtimes writes it.
 *
 * @param rootless ids of whom it is for; missing: for root.
 */
export function exampleConfig(rootless?: { readonly uid: number; readonly gid: number }) {
  const mapping = (hostID: number) => [{ containerID: 0, hostID, size: 1 }];
  const isRootless = rootless !== undefined;
  return {
    ociVersion: runtimeSpecVersion,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
      // A hard limit above one's own is root's to give.
      ...(isRootless ? {} : { rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }] }),
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsman",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: [
          "nosuid",
          "noexec",
          "newinstance",
          "ptmxmode=0666",
          "mode=0620",
          // mount(2) refuses a gid that is not mapped.
          ...(isRootless ? [] : ["gid=5"]),
        ],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: [...noUse, "mode=1777", "size=65536k"],
      },
      { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: noUse },
      // A sysfs shows the devices of one network namespace, over which its owner has rights.
      {
        destination: "/sys",
        ...(isRootless
          ? { type: "none", source: "/sys", options: ["rbind", ...noUse, "ro"] }
          : { type: "sysfs", source: "sysfs", options: [...noUse, "ro"] }),
      },
      ...(isRootless
        ? []
        : [
            {
              destination: "/sys/fs/cgroup",
              type: "cgroup",
              source: "cgroup",
              options: [...noUse, "relatime", "ro"],
            },
          ]),
    ],
    linux: {
      ...(isRootless
        ? { uidMappings: mapping(rootless.uid), gidMappings: mapping(rootless.gid) }
        : { resources: { devices: [{ allow: false, access: "rwm" }] } }),
      namespaces: [
        { type: "pid" },
        // Without rights over the host's network nobody could connect a new one.
        ...(isRootless ? [] : [{ type: "network" }]),
        { type: "ipc" },
        { type: "uts" },
        { type: "mount" },
        { type: "cgroup" },
        ...(isRootless ? [{ type: "user" }] : []),
      ],
      maskedPaths: [
        "/proc/acpi",
        "/proc/asound",
        "/proc/kcore",
        "/proc/keys",
        "/proc/latency_stats",
        "/proc/timer_list",
        "/proc/timer_stats",
        "/proc/sched_debug",
        "/sys/firmware",
        "/proc/scsi",
      ],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}
