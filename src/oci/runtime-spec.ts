/**
 * The OCI runtime configuration (runtime-spec/config.md, config-linux.md) as far as tsman produces
 * it: plain data, written as `config.json`.
 */

/** runtime-spec/config.md, "Specification version". */
export const runtimeSpecVersion = "1.2.0";

/** Directories of the host that an overlay is made of. */
export interface OverlayDirectories {
  /** Topmost first. */
  readonly lowers: readonly string[];
  /** Missing, as `work`: read-only. */
  readonly upper?: string;
  readonly work?: string;
}

/** runtime-spec/config.md, "Mounts". */
export interface Mount {
  /** Absolute path in the container. */
  readonly destination: string;
  /** File system type; "bind" for a file or tree of the host. */
  readonly type: string;
  readonly source: string;
  /**
   * Options of mount(8), and `tmpcopyup` as crun and runc know it.  Those that begin with
   * `x-tsman.` are ours, as mount(8) reserves `x-` for programs in user space.
   */
  readonly options: readonly string[];
  /** Of its files, with {@link mountOption.idmap}. */
  readonly uidMappings?: readonly IdMappingEntry[] | undefined;
  readonly gidMappings?: readonly IdMappingEntry[] | undefined;
  /** Of type "overlay". */
  readonly overlay?: OverlayDirectories | undefined;
}

/** Whether `inner` is `outer` or below it; cleaned paths of a container. */
export function isAtOrBelow(inner: string, outer: string): boolean {
  return inner === outer || outer === "/" || inner.startsWith(`${outer}/`);
}

/** Propagation types among the options of a mount, mount_namespaces(7). */
export const propagationTypes: ReadonlySet<string> = new Set([
  "private",
  "rprivate",
  "slave",
  "rslave",
  "shared",
  "rshared",
  "unbindable",
  "runbindable",
]);

/** runtime-spec/config.md, "Linux mount options" without data: flags of mount(2) and ours of them. */
export const mountFlagNames: readonly string[] = [
  "async",
  "bind",
  "defaults",
  "dirsync",
  "idmap",
  "iversion",
  "lazytime",
  "loud",
  "mand",
  "noiversion",
  "nolazytime",
  "nomand",
  "rbind",
  "remount",
  "ridmap",
  "silent",
  "sync",
  "tmpcopyup",
  // With an r in front, for what is mounted below as well.
  "ro",
  "rro",
  "rw",
  "rrw",
  "suid",
  "rsuid",
  "nosuid",
  "rnosuid",
  "dev",
  "rdev",
  "nodev",
  "rnodev",
  "exec",
  "rexec",
  "noexec",
  "rnoexec",
  "atime",
  "ratime",
  "noatime",
  "rnoatime",
  "diratime",
  "rdiratime",
  "nodiratime",
  "rnodiratime",
  "relatime",
  "rrelatime",
  "norelatime",
  "rnorelatime",
  "strictatime",
  "rstrictatime",
  "nostrictatime",
  "rnostrictatime",
  "symfollow",
  "rsymfollow",
  "nosymfollow",
  "rnosymfollow",
];

/** Our own mount options: see {@link Mount.options}. */
export const mountOption = {
  /** No component of the target may be a symbolic link. */
  nosymlink: "x-tsman.nosymlink",
  /** A kernel that refuses it gives a warning. */
  optional: "x-tsman.optional",
  /** Fill the empty source from the image's tree at the target first. */
  copyUp: "x-tsman.copyup",
  /** Give the source to the container's user. */
  chown: "x-tsman.chown",
  /** The source is a mount of the container whose namespaces are joined, by its path in there. */
  joined: "x-tsman.joined",
  /** Flags are for the mount itself, not for what is mounted below it. */
  top: "x-tsman.top",
  /** No new mount: the flags of what is mounted there already. */
  change: "x-tsman.change",
  /** The ids of its files are mapped. */
  idmap: "x-tsman.idmap",
} as const;

/** runtime-spec/config.md, "User"; the ids are missing when the image's files decide them. */
export interface ProcessUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly additionalGids?: readonly number[];
  /** As of `-u` or the image's USER, resolved inside the root by init. */
  readonly username: string;
  readonly umask: number;
}

/** runtime-spec/config.md, "Capabilities": names with `CAP_`. */
export interface Capabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** runtime-spec/config.md, "Rlimits"; -1 stands for infinity. */
export interface Rlimit {
  readonly type: RlimitName;
  readonly soft: number;
  readonly hard: number;
}

/** runtime-spec/config.md, "Process". */
export interface Process {
  readonly terminal: boolean;
  readonly user: ProcessUser;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: Capabilities;
  readonly rlimits: readonly Rlimit[];
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdj?: number;
  /** One that the kernel has loaded. */
  readonly apparmorProfile?: string;
}

/** runtime-spec/config-linux.md, "Namespaces". */
export type NamespaceType =
  | "user"
  | "mount"
  | "pid"
  | "uts"
  | "ipc"
  | "network"
  | "cgroup"
  | "time";

/** A namespace of the container: new, or an existing one joined by path. */
export interface Namespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

/** runtime-spec/config-linux.md, "User namespace mappings". */
export interface IdMappingEntry {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

/** runtime-spec/config-linux.md, "Devices": a node of the host that the container gets. */
export interface LinuxDevice {
  /** In the container. */
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
}

/** runtime-spec/config-linux.md, "Seccomp": actions that tsman knows. */
export type SeccompAction =
  | "SCMP_ACT_ALLOW"
  | "SCMP_ACT_ERRNO"
  | "SCMP_ACT_KILL"
  | "SCMP_ACT_KILL_PROCESS"
  | "SCMP_ACT_KILL_THREAD"
  | "SCMP_ACT_LOG"
  | "SCMP_ACT_NOTIFY"
  | "SCMP_ACT_TRACE"
  | "SCMP_ACT_TRAP";

/** Flags of a filter, seccomp(2). */
export type SeccompFlag =
  | "SECCOMP_FILTER_FLAG_TSYNC"
  | "SECCOMP_FILTER_FLAG_LOG"
  | "SECCOMP_FILTER_FLAG_SPEC_ALLOW"
  | "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";

/** Comparison of an argument; with MASKED_EQ `value` is the mask and `valueTwo` the value. */
export type SeccompOperator =
  | "SCMP_CMP_NE"
  | "SCMP_CMP_LT"
  | "SCMP_CMP_LE"
  | "SCMP_CMP_EQ"
  | "SCMP_CMP_GE"
  | "SCMP_CMP_GT"
  | "SCMP_CMP_MASKED_EQ";

/** A condition on one argument of a system call; values are 64-bit, kept exact up to 2^53. */
export interface SeccompArgument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: SeccompOperator;
}

/** A rule for some system calls: all conditions of one rule have to hold. */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
}

/** runtime-spec/config-linux.md, "Seccomp". */
export interface LinuxSeccomp {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly flags?: readonly SeccompFlag[];
  /** Socket of whoever answers for `SCMP_ACT_NOTIFY`, seccomp_unotify(2). */
  readonly listenerPath?: string;
  /** Handed on to it. */
  readonly listenerMetadata?: string;
  readonly syscalls: readonly SeccompRule[];
}

/** A block device by its numbers, and what it is limited to; config-linux.md, "Block IO". */
export interface ThrottledDevice {
  readonly major: number;
  readonly minor: number;
  /** Bytes or operations in a second. */
  readonly rate: number;
}

/** runtime-spec/config-linux.md, "Control groups", "Block IO". */
export interface BlockIoResources {
  /** 10 to 1000. */
  readonly weight?: number;
  readonly weightDevice?: readonly {
    readonly major: number;
    readonly minor: number;
    readonly weight: number;
  }[];
  readonly throttleReadBpsDevice?: readonly ThrottledDevice[];
  readonly throttleWriteBpsDevice?: readonly ThrottledDevice[];
  readonly throttleReadIOPSDevice?: readonly ThrottledDevice[];
  readonly throttleWriteIOPSDevice?: readonly ThrottledDevice[];
}

/**
 * runtime-spec/config-linux.md, "Control groups": what tsman can limit, with the meanings that the
 * specification has from version 1 of the kernel's control groups.
 */
export interface LinuxResources {
  /** Bytes; -1: no limit.  `swap` is memory and swap together. */
  readonly memory?: {
    readonly limit?: number;
    readonly reservation?: number;
    readonly swap?: number;
  };
  readonly cpu?: {
    /** 2 to 262144, 1024 is what others have. */
    readonly shares?: number;
    /** Microseconds in each period; -1: no limit. */
    readonly quota?: number;
    readonly burst?: number;
    /** Microseconds. */
    readonly period?: number;
    /** Lists as of cpuset(7): `0-2,4`. */
    readonly cpus?: string;
    readonly mems?: string;
    readonly idle?: number;
  };
  /** Processes and threads; 0 and below: no limit. */
  readonly pids?: { readonly limit: number };
  readonly blockIO?: BlockIoResources;
  /** Bytes of huge pages of a size, such as `2MB`. */
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: number }[];
  /** Files of the group and what is written into them; in the end, over all the others. */
  readonly unified?: Readonly<Record<string, string>>;
}

/** runtime-spec/config-linux.md. */
export interface LinuxConfig {
  readonly namespaces: readonly Namespace[];
  readonly uidMappings: readonly IdMappingEntry[];
  readonly gidMappings: readonly IdMappingEntry[];
  readonly devices: readonly LinuxDevice[];
  readonly sysctl: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly rootfsPropagation: string;
  readonly seccomp?: LinuxSeccomp;
  readonly resources?: LinuxResources;
  readonly personality?: { readonly domain: string };
}

/** runtime-spec/config.md. */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly mounts: readonly Mount[];
  readonly process: Process;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: LinuxConfig;
}

/** Resource numbers of getrlimit(2) on the architectures of {@link hostPlatform}, by OCI name. */
export const rlimitNumbers = {
  RLIMIT_CPU: 0,
  RLIMIT_FSIZE: 1,
  RLIMIT_DATA: 2,
  RLIMIT_STACK: 3,
  RLIMIT_CORE: 4,
  RLIMIT_RSS: 5,
  RLIMIT_NPROC: 6,
  RLIMIT_NOFILE: 7,
  RLIMIT_MEMLOCK: 8,
  RLIMIT_AS: 9,
  RLIMIT_LOCKS: 10,
  RLIMIT_SIGPENDING: 11,
  RLIMIT_MSGQUEUE: 12,
  RLIMIT_NICE: 13,
  RLIMIT_RTPRIO: 14,
  RLIMIT_RTTIME: 15,
} as const;

/** Name of a resource limit in the OCI runtime configuration. */
export type RlimitName = keyof typeof rlimitNumbers;

/** Capabilities in the kernel's numbering: include/uapi/linux/capability.h. */
export const capabilityNames = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_DAC_READ_SEARCH",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_LINUX_IMMUTABLE",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_BROADCAST",
  "CAP_NET_ADMIN",
  "CAP_NET_RAW",
  "CAP_IPC_LOCK",
  "CAP_IPC_OWNER",
  "CAP_SYS_MODULE",
  "CAP_SYS_RAWIO",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
  "CAP_SYS_PACCT",
  "CAP_SYS_ADMIN",
  "CAP_SYS_BOOT",
  "CAP_SYS_NICE",
  "CAP_SYS_RESOURCE",
  "CAP_SYS_TIME",
  "CAP_SYS_TTY_CONFIG",
  "CAP_MKNOD",
  "CAP_LEASE",
  "CAP_AUDIT_WRITE",
  "CAP_AUDIT_CONTROL",
  "CAP_SETFCAP",
  "CAP_MAC_OVERRIDE",
  "CAP_MAC_ADMIN",
  "CAP_SYSLOG",
  "CAP_WAKE_ALARM",
  "CAP_BLOCK_SUSPEND",
  "CAP_AUDIT_READ",
  "CAP_PERFMON",
  "CAP_BPF",
  "CAP_CHECKPOINT_RESTORE",
] as const;

/** The capabilities of such a mask; bits that have no name yet are left out. */
export function capabilitiesOfMask(mask: string): readonly string[] {
  if (!/^[0-9a-f]{1,16}$/i.test(mask)) return [];
  // In two halves of 32 bits: BigInt takes ten times as long.
  const low = Number.parseInt(mask.slice(-8), 16);
  const high = Number.parseInt(mask.slice(-16, -8) || "0", 16);
  return capabilityNames.filter(
    (_, bit) => ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1,
  );
}

/** The set as the kernel's bit mask, in hexadecimal without prefix. */
export function capabilityMask(names: readonly string[]): string {
  let mask = 0n;
  for (const name of names) {
    const bit = (capabilityNames as readonly string[]).indexOf(name);
    if (bit >= 0) mask |= 1n << BigInt(bit);
  }
  return mask.toString(16);
}
