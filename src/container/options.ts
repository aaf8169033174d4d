import type { Platform } from "../oci/platform.ts";
import type { HealthOptions } from "./health-policy.ts";
import type { CgroupOptions, LimitOptions } from "./limits.ts";
import type { RestartPolicy } from "./restart-policy.ts";

/** `-v`/`--mount type=bind`: a directory or file of the host, or a named volume. */
export interface BindMount {
  readonly type: "bind";
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly: boolean;
  readonly recursive: boolean;
  readonly flags: readonly MountFlag[];
  readonly propagation?: Propagation | undefined;
  /** `:U`: give the source to the container's user before the start. */
  readonly chown: boolean;
  /** The container that it was taken over from (`--volumes-from`). */
  readonly from?: string | undefined;
}

/** `--tmpfs` / `--mount type=tmpfs`. */
export interface TmpfsMount {
  readonly type: "tmpfs";
  readonly target: string;
  /** Bytes. */
  readonly size?: number | undefined;
  /** Permission bits, e.g. 0o1777. */
  readonly mode?: number | undefined;
  readonly readOnly: boolean;
  readonly flags: readonly MountFlag[];
  /** Copy what the image has there into it first (Podman's default). */
  readonly copyUp: boolean;
}

/** `-v NAME:/path`, `-v /path`, image VOLUME: a directory of the store. */
export interface VolumeMount {
  readonly type: "volume";
  /** Missing: anonymous, made for this container. */
  readonly name?: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
  readonly flags: readonly MountFlag[];
  /** Copy what the image has there into an empty volume first. */
  readonly copyUp: boolean;
  /** The container that it was taken over from (`--volumes-from`). */
  readonly from?: string | undefined;
}

/** `--volumes-from CONTAINER[:ro|rw]`. */
export interface VolumesFrom {
  readonly container: string;
  /** Missing: as that container has them. */
  readonly readOnly?: boolean | undefined;
}

export type ContainerMount = BindMount | TmpfsMount | VolumeMount;
export type MountFlag =
  | "nosuid"
  | "suid"
  | "nodev"
  | "dev"
  | "noexec"
  | "exec"
  | "noatime"
  | "sync";
export type Propagation =
  | "private"
  | "rprivate"
  | "slave"
  | "rslave"
  | "shared"
  | "rshared"
  | "unbindable"
  | "runbindable";

/** One published port, ranges already spread out. */
export interface PortRequest {
  /** Host address; missing means all (0.0.0.0). */
  readonly hostIp?: string | undefined;
  /** Missing: a free one is chosen. */
  readonly hostPort?: number | undefined;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** `--network`. */
export type NetworkRequest =
  | { readonly mode: "none" }
  | { readonly mode: "host" }
  | { readonly mode: "container"; readonly container: string }
  /** `ns:PATH`, absolute */
  | { readonly mode: "path"; readonly path: string }
  | { readonly mode: "slirp4netns"; readonly options: SlirpOptions };

/** Podman's `--network slirp4netns:KEY=VALUE,…`. */
export interface SlirpOptions {
  readonly allowHostLoopback?: boolean | undefined;
  readonly mtu?: number | undefined;
  /** Default 10.0.2.0/24. */
  readonly cidr?: string | undefined;
  readonly enableIpv6?: boolean | undefined;
  readonly outboundAddr?: string | undefined;
  readonly outboundAddr6?: string | undefined;
}

/** `--userns`. */
export type UsernsRequest =
  | { readonly mode: "default" }
  | {
      readonly mode: "keep-id";
      readonly uid?: number | undefined;
      readonly gid?: number | undefined;
    }
  | { readonly mode: "nomap" }
  | {
      /** Ids that no other such container has. */
      readonly mode: "auto";
      /** How many; missing: 1024. */
      readonly size?: number | undefined;
      /** What is to be mapped in any case. */
      readonly uid: readonly IdMapRequest[];
      readonly gid: readonly IdMapRequest[];
    }
  /** `--uidmap`, `--gidmap`. */
  | {
      readonly mode: "map";
      readonly uid: readonly IdMapRequest[];
      readonly gid: readonly IdMapRequest[];
    }
  /** `--subuidname`, `--subgidname`: names in /etc/subuid and /etc/subgid. */
  | { readonly mode: "subid"; readonly uid: string; readonly gid: string };

/** A line of an id map as a user writes it. */
export interface IdMapRequest {
  readonly inside: number;
  /** The caller is 0, its subordinate ids are 1 and up; or an id of the host. */
  readonly outside: number;
  readonly count: number;
  readonly isHostId: boolean;
}

/** `--pid`, `--ipc`, `--uts`. */
export type NamespaceRequest =
  | { readonly mode: "private" }
  | { readonly mode: "host" }
  | { readonly mode: "container"; readonly container: string }
  /** `ns:PATH`, absolute */
  | { readonly mode: "path"; readonly path: string };

/** `--ulimit NAME=SOFT[:HARD]`; -1 is infinity. */
export interface UlimitRequest {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** `--device HOST[:CONTAINER[:rwm]]`. */
export interface DeviceRequest {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly permissions: string;
}

/** `--security-opt` taken apart. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** "default", "unconfined", "image" (a label of its holds it) or the path of a profile. */
  readonly seccomp: string;
  readonly mask: readonly string[];
  /** Paths, or "ALL". */
  readonly unmask: readonly string[];
  /** Options of the container's /proc, such as `hidepid=2`: proc(5); missing: none. */
  readonly procOptions?: readonly string[] | undefined;
  /** `label=…`, `apparmor=PROFILE`: kept for the record where the kernel has no such module. */
  readonly labels: readonly string[];
  readonly apparmor?: string | undefined;
}

/** `--personality`, as config-linux.md has them. */
export type Personality = "LINUX" | "LINUX32";

/** `--passwd`, `--passwd-entry`, `--group-entry`, `--hostuser`. */
export interface AccountOptions {
  /** Whether a user or group without a line gets one; missing: it does. */
  readonly isAdded?: boolean | undefined;
  /** That line, with `$USERNAME`, `$UID`, `$GID`, `$NAME` and `$HOME` in it. */
  readonly passwdEntry?: string | undefined;
  /** The group's, with `$GROUPNAME`, `$GID` and `$USERLIST`. */
  readonly groupEntry?: string | undefined;
  /** Names or uids of the host's users that get a line too; missing: none. */
  readonly hostUsers?: readonly string[] | undefined;
}

/** `--log-driver`. */
export type LogDriver = "k8s-file" | "json-file" | "journald" | "passthrough" | "none";

/** `--pull`. */
export type PullPolicy = "always" | "missing" | "never" | "newer";

/**
 * What a user asks of a container: the normal form of `tsman run`'s options, and the argument of
 * the library's `containers.run`.  Nothing of the image is merged in yet.
 */
export interface ContainerOptions {
  /** Image as the user wrote it; exactly one of `image` and `rootfs` is set. */
  readonly image?: string | undefined;
  readonly rootfs?: { readonly path: string; readonly overlay: boolean } | undefined;
  /** Arguments after the image; empty: the image's CMD. */
  readonly command: readonly string[];
  /** `--entrypoint`: missing = the image's; empty list = none. */
  readonly entrypoint?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly replace: boolean;
  readonly remove: boolean;
  /** It is removed when the process that started it is gone; missing: no. */
  readonly ephemeral?: boolean | undefined;
  readonly detach: boolean;
  readonly interactive: boolean;
  readonly tty: boolean;
  /** Bytes that leave the terminal when typed in this order; missing: ctrl-p ctrl-q; empty: none. */
  readonly detachKeys?: readonly number[] | undefined;
  /** In order; later wins.  A missing value was taken from the caller by whoever parsed it. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Of the caller, over the defaults and below the image's; missing: none. */
  readonly hostEnv?: readonly (readonly [name: string, value: string])[] | undefined;
  /** What is made of the image's and the defaults: `$NAME` and `${NAME}` are their values; missing: nothing. */
  readonly envMerge?: readonly (readonly [name: string, template: string])[] | undefined;
  readonly unsetEnv: readonly string[];
  readonly unsetEnvAll: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Those that were taken over included, once the container is made. */
  readonly mounts: readonly ContainerMount[];
  /** Where its monitor's pid is written (`--conmon-pidfile`); missing: nowhere. */
  readonly monitorPidFile?: string | undefined;
  /** What the image's VOLUMEs become where nothing else is mounted; missing: anonymous volumes. */
  readonly imageVolumes?: "ignore" | "tmpfs" | undefined;
  /** Whose mounts are taken over; missing: nobody's. */
  readonly volumesFrom?: readonly VolumesFrom[] | undefined;
  readonly readOnly: boolean;
  /** With `readOnly`: tmpfs on /run, /tmp, /var/tmp (Podman's default: true). */
  readonly readOnlyTmpfs: boolean;
  readonly workdir?: string | undefined;
  /** As of `-u`. */
  readonly user?: string | undefined;
  /** Names or numbers; "keep-groups". */
  readonly groupAdd: readonly string[];
  /** What is added to the root's /etc/passwd and /etc/group; missing: a line for a user without one. */
  readonly accounts?: AccountOptions | undefined;
  /** Execution domain: personality(2); missing: the caller's. */
  readonly personality?: Personality | undefined;
  /** Directories of the container into which /etc/hosts and its like are mounted as well; missing: none. */
  readonly chrootDirs?: readonly string[] | undefined;
  /** Names or ids of containers that are started before it; missing: none. */
  readonly requires?: readonly string[] | undefined;
  readonly ports: readonly PortRequest[];
  readonly publishAll: boolean;
  readonly expose: readonly PortRequest[];
  readonly network: NetworkRequest;
  readonly hostname?: string | undefined;
  /** `--add-host`: address may be "host-gateway". */
  readonly addHosts: readonly { readonly name: string; readonly address: string }[];
  readonly noHosts: boolean;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly security: SecurityOptions;
  readonly privileged: boolean;
  /** No warnings about mounts that give away the caller's keys and the like; missing: warnings. */
  readonly quietGuards?: boolean | undefined;
  readonly ulimits: readonly UlimitRequest[];
  /** Missing: none but the number of processes. */
  readonly limits?: LimitOptions | undefined;
  readonly cgroup?: CgroupOptions | undefined;
  readonly init: boolean;
  readonly pull: PullPolicy;
  /** Missing: it is not started again. */
  readonly restart?: RestartPolicy | undefined;
  readonly platform?: Platform | undefined;
  readonly cidFile?: string | undefined;
  readonly pidFile?: string | undefined;
  readonly stopSignal?: string | undefined;
  /** Seconds; default 10. */
  readonly stopTimeout: number;
  /** Seconds of life, then SIGKILL; missing: no limit. */
  readonly timeout?: number | undefined;
  /** Bytes; default 65536000, as Podman. */
  readonly shmSize?: number | undefined;
  readonly devices: readonly DeviceRequest[];
  /** IANA name or "local". */
  readonly tz?: string | undefined;
  /** E.g. 0o022. */
  readonly umask?: number | undefined;
  readonly userns: UsernsRequest;
  readonly pid: NamespaceRequest;
  readonly ipc: NamespaceRequest;
  readonly uts: NamespaceRequest;
  readonly sysctls: Readonly<Record<string, string>>;
  /** No user namespaces below the container's own. */
  readonly disableUserns?: boolean | undefined;
  /** Missing: as the image says. */
  readonly health?: HealthOptions | undefined;
  readonly logDriver: LogDriver;
  /** Bytes of a log file before rotation; 0: no limit. */
  readonly logMaxSize: number;
  /** How many rotated files are kept besides the current one. */
  readonly logMaxFiles: number;
  /** Absolute path of the log file; missing: in the container's directory. */
  readonly logPath?: string | undefined;
  /** As written, with Docker's `{{.Name}}` and the like. */
  readonly logTag?: string | undefined;
  readonly oomScoreAdj?: number | undefined;
  /** The command line that asks for it, for `inspect` and for people. */
  readonly createCommand?: readonly string[] | undefined;
}

/** ctrl-p ctrl-q, as Podman and Docker have them. */
export const defaultDetachKeys: readonly number[] = [0x10, 0x11];

/** Everything at its default: start from it and override. */
export const defaultContainerOptions: ContainerOptions = {
  command: [],
  replace: false,
  remove: false,
  detach: false,
  interactive: false,
  tty: false,
  env: [],
  unsetEnv: [],
  unsetEnvAll: false,
  labels: {},
  annotations: {},
  mounts: [],
  readOnly: false,
  readOnlyTmpfs: true,
  groupAdd: [],
  ports: [],
  publishAll: false,
  expose: [],
  network: { mode: "slirp4netns", options: {} },
  addHosts: [],
  noHosts: false,
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  capAdd: [],
  capDrop: [],
  security: { noNewPrivileges: false, seccomp: "default", mask: [], unmask: [], labels: [] },
  privileged: false,
  ulimits: [],
  init: false,
  pull: "missing",
  stopTimeout: 10,
  devices: [],
  userns: { mode: "default" },
  pid: { mode: "private" },
  ipc: { mode: "private" },
  uts: { mode: "private" },
  sysctls: {},
  logDriver: "k8s-file",
  logMaxSize: 16 * 1024 * 1024,
  logMaxFiles: 2,
};
