import type { HealthOptions } from "../container/health-policy.ts";
import type { LimitOptions } from "../container/limits.ts";
import type { RestartPolicy } from "../container/restart-policy.ts";

/**
 * The states of the OCI runtime specification; "restarting": it has ended, and its restart policy is
 * about to start it again.
 */
export type ContainerState =
  | "created"
  | "initialized"
  | "running"
  | "paused"
  | "stopped"
  | "restarting";

/** A published port, as it is or was in force. */
export interface PortBinding {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: "tcp" | "udp";
}

/** Inode numbers of a container's namespaces, as namespaces(7) shows them in /proc/PID/ns. */
export interface ContainerNamespaces {
  readonly cgroup: string;
  readonly ipc: string;
  readonly mnt: string;
  readonly net: string;
  readonly pid: string;
  readonly user: string;
  readonly uts: string;
}

/** Bytes of a container's root file system. */
export interface ContainerSize {
  /** What the container has written. */
  readonly writable: number;
  /** All of it, image included. */
  readonly rootfs: number;
}

/** Which containers are listed, and what is found out about them besides. */
export interface ContainerListOptions {
  /** Those that do not run too. */
  readonly all?: boolean | undefined;
  /** With `namespaces`. */
  readonly namespaces?: boolean | undefined;
  /** With `size`, which takes a walk through the files of each. */
  readonly size?: boolean | undefined;
}

/** One container of the store, with the kernel's word on whether it runs. */
export interface ContainerSummary {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Full name of its image, or the rootfs path. */
  readonly image: string;
  readonly imageId?: string | undefined;
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
  readonly state: ContainerState;
  /** RFC 3339; missing: never started. */
  readonly startedAt?: string | undefined;
  /** RFC 3339; missing while it runs or when nobody knows. */
  readonly finishedAt?: string | undefined;
  /** Missing while it runs, and when it is not known: then nobody may say 0. */
  readonly exitCode?: number | undefined;
  readonly isOutOfMemory?: boolean | undefined;
  /** Pid of its init in the caller's pid namespace, while it runs. */
  readonly pid?: number | undefined;
  readonly ports: readonly PortBinding[];
  /** What `--expose` named. */
  readonly exposed?:
    | readonly { readonly containerPort: number; readonly protocol: string }[]
    | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Where something of the host or a volume is mounted. */
  readonly mounts: readonly string[];
  /** "slirp4netns", "none", "host" … */
  readonly network: string;
  /** Paths of the host and names of volumes behind `mounts`, in their order; "" for a tmpfs. */
  readonly mountSources?: readonly string[] | undefined;
  /** It is removed when it ends. */
  readonly autoRemove?: boolean | undefined;
  /** File that `--cidfile` wrote. */
  readonly cidFile?: string | undefined;
  /** How often its restart policy has started it. */
  readonly restarts?: number | undefined;
  /** "no", "on-failure", "always", "unless-stopped"; missing: "no". */
  readonly restartPolicy?: string | undefined;
  /** Missing: it has no health check. */
  readonly health?: "starting" | "healthy" | "unhealthy" | undefined;
  /** Where it was asked for, and while it runs. */
  readonly namespaces?: ContainerNamespaces | undefined;
  /** Where it was asked for. */
  readonly size?: ContainerSize | undefined;
  /** Its program has a terminal. */
  readonly tty: boolean;
  /** Its program has an input (`-i`). */
  readonly interactive: boolean;
}

/** What can be changed of a container; missing: as it was. */
export interface ContainerChanges {
  readonly restart?: RestartPolicy | undefined;
  /** What is missing of it stays as it was. */
  readonly health?: HealthOptions | undefined;
  /** The same. */
  readonly limits?: LimitOptions | undefined;
}
