import type { ContainerOptions, NamespaceRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { type Mount, mountOption } from "../oci/runtime-spec.ts";
import type { HostFacts, MappingFacts } from "./bundle.ts";

/** A mount and what asked for it. */
export interface ReasonedMount extends Mount {
  readonly because: string;
}

/** Podman's default: 64000 KiB. */
const defaultShmSize = 65_536_000;
/** The group `tty` of every distribution; devpts(5) gives it the terminals. */
const ttyGroup = 5;
const noUse = ["nosuid", "noexec", "nodev"] as const;

/**
 * /proc, /dev, /sys and what is mounted in them, with Podman's flags.  None of these targets may
 * be or contain a symbolic link (S4, S8, S10).
 */
export function defaultMounts(
  options: Pick<ContainerOptions, "pid" | "ipc" | "network" | "privileged" | "shmSize" | "cgroup">,
  mapping: MappingFacts,
  host: HostFacts,
  procOptions: readonly string[] = [],
): ReasonedMount[] {
  return [
    procMount(options, host, procOptions),
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "noexec", "strictatime", "mode=755", "size=65536k"],
      because: "default",
    },
    sysMount(options, host),
    devptsMount(mapping),
    ...ipcMounts(options, host),
    cgroupMount(host, options.cgroup?.isHostNamespace ?? false),
  ].map((mount) => ({ ...mount, options: [...mount.options, mountOption.nosymlink] }));
}

/**
 * Of a /proc that is the container's own: proc(5), "Mount options".  Not subset=pid, which hides
 * /proc/sys, where the container's own settings are made.
 */
const procOption =
  /^(?:hidepid=(?:[0124]|off|noaccess|invisible|ptraceable)|gid=\d{1,9}|ro|rw|nosuid|nodev|noexec)$/;

function checkProcOptions(
  procOptions: readonly string[],
  options: Pick<ContainerOptions, "pid">,
  host: HostFacts,
): void {
  const asked = `use --security-opt proc-opts=${procOptions.join(",")}`;
  const unknown = procOptions.find((one) => !procOption.test(one));
  if (unknown !== undefined) {
    throw new TsmanError(
      "USAGE",
      `${asked}: ${JSON.stringify(unknown)} is no option that /proc can have`,
      {
        hint: "write hidepid=0|1|2|4, gid=GROUP, ro, or several with commas between them",
      },
    );
  }
  if (options.pid.mode !== "host" && host.canMountProc) return;
  const why = options.pid.mode === "host" ? "with --pid host" : "where parts of it are covered";
  throw new TsmanError("OPTION_UNSUPPORTED", `${asked}: ${why} /proc is the host's own mount`, {
    hint: "leave it out, or give the container a pid namespace of its own",
  });
}

function procMount(
  options: Pick<ContainerOptions, "pid">,
  host: HostFacts,
  procOptions: readonly string[],
): ReasonedMount {
  if (procOptions.length > 0) checkProcOptions(procOptions, options, host);
  const bind = { destination: "/proc", type: "bind", source: "/proc" };
  if (options.pid.mode === "host") {
    // A new proc needs a pid namespace that our user namespace owns: pid_namespaces(7).
    return { ...bind, options: ["rbind", ...noUse], because: "--pid host" };
  }
  if (!host.canMountProc) {
    const because = "default: parts of this host's /proc are covered, so no new one can be mounted";
    return { ...bind, options: ["rbind", ...noUse], because };
  }
  const because = reasonOf("--pid", options.pid);
  return {
    destination: "/proc",
    type: "proc",
    source: "proc",
    options: [...noUse, ...procOptions],
    because: procOptions.length === 0 ? because : `${because} and --security-opt proc-opts`,
  };
}

/** What asked for a namespace that is not the host's. */
function reasonOf(option: string, request: NamespaceRequest): string {
  if (request.mode === "container") return `${option} container:${request.container}`;
  return request.mode === "path" ? `${option} ns:${request.path}` : "default";
}

function sysMount(
  options: Pick<ContainerOptions, "network" | "privileged">,
  host: HostFacts,
): ReasonedMount {
  const access = options.privileged ? "rw" : "ro";
  // sysfs shows the network devices of one namespace: mounting it takes rights over that one.
  const isForeign = options.network.mode === "host" || options.network.mode === "path";
  if (!isForeign && host.canMountSysfs) {
    const because = options.privileged ? "--privileged" : "default";
    return {
      destination: "/sys",
      type: "sysfs",
      source: "sysfs",
      options: [...noUse, access],
      because,
    };
  }
  const because = isForeign
    ? `--network ${options.network.mode === "path" ? `ns:${options.network.path}` : "host"}`
    : "default: parts of this host's /sys are covered, so no new one can be mounted";
  return {
    destination: "/sys",
    type: "bind",
    source: "/sys",
    // Recursively read-only even when privileged: these are the host's own mounts.
    options: ["rbind", "rprivate", ...noUse, "ro"],
    because,
  };
}

function devptsMount(mapping: MappingFacts): ReasonedMount {
  const hasTty = mapping.gid.some(
    (entry) => entry.inside <= ttyGroup && ttyGroup < entry.inside + entry.count,
  );
  return {
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
      ...(hasTty ? [`gid=${ttyGroup}`] : []),
    ],
    because: "default",
  };
}

function ipcMounts(
  options: Pick<ContainerOptions, "ipc" | "shmSize">,
  host: HostFacts,
): ReasonedMount[] {
  if (options.ipc.mode === "host") {
    const bind = (path: string): ReasonedMount => ({
      destination: path,
      type: "bind",
      source: path,
      options: ["rbind", ...noUse],
      because: "--ipc host",
    });
    return [
      ...(host.hasMqueue ? [bind("/dev/mqueue")] : []),
      ...(host.hasShm ? [bind("/dev/shm")] : []),
    ];
  }
  const because = reasonOf("--ipc", options.ipc);
  const queues = {
    destination: "/dev/mqueue",
    type: "mqueue",
    source: "mqueue",
    options: [...noUse, mountOption.optional],
    because,
  };
  if (options.ipc.mode === "container") {
    // Shared memory of shm_open(3) are files in a tmpfs, of which no namespace knows.
    const path = "/dev/shm";
    const flags = [...noUse, "private", mountOption.joined];
    return [queues, { destination: path, type: "bind", source: path, options: flags, because }];
  }
  return [
    queues,
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...noUse, "mode=1777", `size=${options.shmSize ?? defaultShmSize}`],
      because: options.shmSize === undefined ? because : "--shm-size",
    },
  ];
}

/**
 * Control groups are never writable: on a unified host the container sees its own subtree, on any
 * other an empty directory stands where a v1 tree with its release_agent would be (S11, S12).
 */
function cgroupMount(host: HostFacts, isHostNamespace: boolean): ReasonedMount {
  const destination = "/sys/fs/cgroup";
  // A new mount is of the cgroup namespace's root, which is the host's to give.
  if (host.cgroup === "unified" && isHostNamespace) {
    return {
      destination,
      type: "bind",
      source: destination,
      options: [...noUse, "rbind", "ro", mountOption.optional],
      because: "--cgroupns host",
    };
  }
  if (host.cgroup === "unified") {
    return {
      destination,
      type: "cgroup2",
      source: "cgroup2",
      options: [...noUse, "relatime", "ro", mountOption.optional],
      because: "default",
    };
  }
  return {
    destination,
    type: "tmpfs",
    source: "tmpfs",
    options: [...noUse, "ro", "mode=755", "size=0k", mountOption.optional],
    because: "default: this host has no unified cgroup hierarchy",
  };
}
