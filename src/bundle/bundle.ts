import type { ContainerOptions } from "../container/options.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type {
  LinuxResources,
  LinuxSeccomp,
  RuntimeSpec,
  SeccompAction,
  SeccompRule,
} from "../oci/runtime-spec.ts";

/** One line of an id map: user_namespaces(7). */
export interface MapEntry {
  readonly inside: number;
  readonly outside: number;
  readonly count: number;
  /** Where it comes from, if it says so itself. */
  readonly because?: string | undefined;
}

/** What the bundle needs of an id mapping; rootless's `IdMapping` has all of it. */
export interface MappingFacts {
  readonly uid: readonly MapEntry[];
  readonly gid: readonly MapEntry[];
  /** The setuid programs that write the maps; missing: they are written directly. */
  readonly tools?: { readonly newuidmap: string; readonly newgidmap: string } | undefined;
  readonly denySetgroups: boolean;
  /** Only one id is mapped. */
  readonly single: boolean;
  /** Why it is this mapping. */
  readonly because: string;
  /** What would give the container more ids than one. */
  readonly remedy?: string | undefined;
}

/** How the host shows its control groups: cgroups(7). */
export type CgroupLayout = "unified" | "legacy" | "none";

/** What this host is, as far as a bundle depends on it; `readHostFacts` finds it out. */
export interface HostFacts {
  readonly uid: number;
  readonly gid: number;
  /** The caller's login name; read for `--userns keep-id` only. */
  readonly userName?: string | undefined;
  readonly hostname: string;
  readonly cgroup: CgroupLayout;
  /** False when parts of /proc are covered, so that the kernel refuses a new proc. */
  readonly canMountProc: boolean;
  /** The same of /sys. */
  readonly canMountSysfs: boolean;
  /** Whether a system call filter is on tsman itself: it runs in a container of some engine. */
  readonly isFiltered: boolean;
  /** Whether /dev/mqueue and /dev/shm exist, for `--ipc host`. */
  readonly hasMqueue: boolean;
  readonly hasShm: boolean;
  /** Number of the highest capability that the kernel knows. */
  readonly lastCapability: number;
  /** Hard limits of the caller; infinity as -1. */
  readonly nofileLimit: number;
  readonly nprocLimit: number;
  /** Host paths that exist among those that Podman masks by pattern. */
  readonly thermalThrottlePaths: readonly string[];
  /** Active security modules, e.g. `apparmor`. */
  readonly securityModules: readonly string[];
  /** For `--privileged`: the device nodes that the caller may open.  Otherwise empty. */
  readonly reachableDevices: readonly string[];
  /** For `--device`: host path → device nodes there, relative paths ("" = itself). */
  readonly deviceNodes: Readonly<Record<string, readonly string[]>>;
}

/** A running container whose namespaces are joined (`--pid container:NAME` …). */
export interface JoinTarget {
  /** As the user named it. */
  readonly container: string;
  /** Its init, in our pid namespace, and when it started; both 0 while it does not run. */
  readonly pid: number;
  readonly startTime: bigint;
  readonly hostname?: string | undefined;
  /** Its hosts and resolv.conf files, which a shared network namespace shares too. */
  readonly hostsPath?: string | undefined;
  readonly resolvConfPath?: string | undefined;
}

/** Contents of the files that describe the network; made by network/describeNetwork. */
export interface NetworkFiles {
  /** Missing: the container keeps the image's file. */
  readonly hosts?: string | undefined;
  readonly resolvConf?: string | undefined;
}

/** Architectures that one kernel runs: `archMap` of Docker's profiles, in OCI names. */
export interface ArchitectureFamily {
  readonly architecture: string;
  readonly subArchitectures: readonly string[];
}

/** A seccomp profile in Docker's richer form: rules depend on capabilities and architectures. */
export interface SeccompProfile
  extends Pick<LinuxSeccomp, "flags" | "listenerPath" | "listenerMetadata"> {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number | undefined;
  /** OCI names, `SCMP_ARCH_…`; missing: the native one and those that the kernel runs besides. */
  readonly architectures?: readonly string[] | undefined;
  /** Instead of `architectures`: those of the native one's family. */
  readonly families?: readonly ArchitectureFamily[] | undefined;
  readonly rules: readonly ConditionalRule[];
}

/** A rule that holds only for some containers. */
export interface ConditionalRule extends SeccompRule {
  /** All of these are in the container's bounding set … */
  readonly withCapabilities?: readonly string[] | undefined;
  /** … and none of these. */
  readonly withoutCapabilities?: readonly string[] | undefined;
  /** One of these architectures (Docker's names: `amd64`, `arm64` …); missing: all. */
  readonly onlyArchitectures?: readonly string[] | undefined;
  readonly exceptArchitectures?: readonly string[] | undefined;
  /** Kernel version, `4.8`, from which on. */
  readonly minKernel?: string | undefined;
  /** … and from which on no longer. */
  readonly beforeKernel?: string | undefined;
}

/** Everything that {@link compileBundle} looks at. */
export interface BundleRequest {
  readonly id: string;
  readonly name: string;
  readonly options: ContainerOptions;
  /** Missing with `--rootfs`. */
  readonly image?: ImageConfig | undefined;
  /** Image name and id for /run/.containerenv of a privileged container. */
  readonly imageName?: string | undefined;
  readonly imageId?: string | undefined;
  readonly mapping: MappingFacts;
  readonly host: HostFacts;
  /** `containers/<id>`: where the artefacts are written. */
  readonly dir: string;
  /** The root as config.json names it (the overlay's merged view exists in the container only). */
  readonly rootPath: string;
  /** Host directories of the volumes that `listVolumes` asked for, by target. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly network: NetworkFiles;
  /** The container of `container:NAME` modes. */
  readonly join?: JoinTarget | undefined;
  /** What its control group is limited to; missing: nothing. */
  readonly resources?: LinuxResources | undefined;
  /** Those of `--hostuser`; missing: none. */
  readonly hostUsers?: readonly HostUser[] | undefined;
  /** The profile of `--security-opt seccomp=FILE`. */
  readonly seccompProfile?: SeccompProfile | undefined;
  /** GOARCH of the host. */
  readonly architecture: string;
  /** `uname -r`. */
  readonly kernelRelease: string;
}

/** A small file of the container's directory that is bound into it. */
export interface Artefact {
  /** File name in `containers/<id>`. */
  readonly name: string;
  readonly content: string;
}

/** Who the program runs as; init resolves it against the root's own files. */
export interface UserRequest {
  /** As of `-u`; "" is root. */
  readonly spec: string;
  /** Names or numbers. */
  readonly groups: readonly string[];
  /** Keep the caller's supplementary groups. */
  readonly keepGroups: boolean;
  /** Of an entry in /etc/passwd, if the image has none for the uid; missing: the uid. */
  readonly entryName?: string | undefined;
  /** Ids, as they are: the image's files are not asked, and not added to. */
  readonly isExact?: boolean | undefined;
  /** The image's files are asked, and not added to. */
  readonly isUnlisted?: boolean | undefined;
  /** Lines for a user and a group without one, with the variables of native/user-add.h; missing: the usual. */
  readonly forms?: { readonly passwd?: string; readonly group?: string } | undefined;
}

/** A user of the host. */
export interface HostUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The comment field of passwd(5). */
  readonly fullName: string;
  readonly home: string;
}

/** A node of the host bound into the container's /dev. */
export interface DeviceBind {
  readonly hostPath: string;
  readonly path: string;
}

/** A node that is made in the container's /dev, which takes root of the host. */
export interface DeviceNode {
  readonly path: string;
  /** mknod(1): character (two words for it), block, fifo. */
  readonly type: "c" | "u" | "b" | "p";
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A container before it touches the kernel: the OCI configuration and what that cannot say. */
export interface Bundle {
  readonly config: RuntimeSpec;
  /** How many of `config.mounts` make /proc, /dev and /sys; devices and links follow them. */
  readonly baseMounts: number;
  /**
   * JSON pointer (RFC 6901) into `config` → the option, image field or default behind it; undefined:
   * somebody else's config.json, see {@link originOf}.
   */
  readonly origins: Readonly<Record<string, string>> | undefined;
  readonly artefacts: readonly Artefact[];
  readonly user: UserRequest;
  /** What /etc/passwd gets, where it has neither the name nor the uid; missing: nothing. */
  readonly hostUsers?:
    | readonly { readonly name: string; readonly uid: number; readonly line: string }[]
    | undefined;
  /** Make the working directory if it is missing. */
  readonly createWorkdir: boolean;
  readonly devices: readonly DeviceBind[];
  /** Only somebody else's configuration has some. */
  readonly nodes?: readonly DeviceNode[] | undefined;
  /** Symbolic links of /dev, and others that are made where there is nothing. */
  readonly symlinks: readonly {
    readonly target: string;
    readonly path: string;
    readonly ifMissing?: boolean;
  }[];
  readonly mapping: MappingFacts;
  /** Whose namespaces are joined: init of another container. */
  readonly joinOwner?: { readonly pid: number; readonly startTime: bigint } | undefined;
  /** `--init` */
  readonly useInit: boolean;
  /** A session keyring of its own; the filter of an outer container refuses keyctl(2). */
  readonly hasOwnKeyring: boolean;
  /** What a user should know before the start. */
  readonly warnings: readonly string[];
}
