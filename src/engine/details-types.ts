import type { ContainerOptions } from "../container/options.ts";
import type { ImageConfig } from "../oci/image-config.ts";
import type { ContainerSummary, ImageSummary } from "./types.ts";

/** A mount as it is in force. */
export interface MountDetails {
  readonly type: "bind" | "volume" | "tmpfs";
  /** Of a volume. */
  readonly name?: string | undefined;
  /** Path on the host; empty for a tmpfs. */
  readonly source: string;
  readonly destination: string;
  readonly readOnly: boolean;
  readonly options: readonly string[];
  readonly propagation: string;
}

/** Where the layers of a root file system are, on the host. */
export interface RootfsPaths {
  /** Topmost first. */
  readonly lowers: readonly string[];
  /** Missing where the whole root is one copy. */
  readonly upper?: string | undefined;
  readonly work?: string | undefined;
  /** The whole root, where it is a directory of the host. */
  readonly root?: string | undefined;
}

/** A range of ids: `containerId` and up stand for `hostId` and up. */
export interface IdRangeDetails {
  readonly containerId: number;
  readonly hostId: number;
  readonly size: number;
}

/** A limit of setrlimit(2); -1 is infinity. */
export interface RlimitDetails {
  /** `RLIMIT_NOFILE` */
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
}

/** One run of a health check. */
export interface HealthResult {
  /** RFC 3339. */
  readonly start: string;
  readonly end: string;
  readonly exitCode: number;
  readonly output: string;
}

/** How a container is. */
export interface HealthDetails {
  readonly status: "starting" | "healthy" | "unhealthy";
  /** Failures in a row. */
  readonly failingStreak: number;
  /** The last ones, oldest first. */
  readonly log: readonly HealthResult[];
}

/** A health check as it is in force. */
export interface HealthcheckDetails {
  /** `["CMD", …]` or `["CMD-SHELL", text]`. */
  readonly test: readonly string[];
  /** Nanoseconds, as in an image config. */
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly startPeriod?: number | undefined;
  readonly retries?: number | undefined;
}

/** Everything about one container. */
export interface ContainerDetails extends ContainerSummary {
  /** As asked for. */
  readonly options: ContainerOptions;
  /** Digest of the manifest of its image, while the image is there. */
  readonly imageDigest?: string | undefined;
  /** The environment that its program got: `NAME=value`. */
  readonly environment: readonly string[];
  readonly workdir: string;
  readonly user: string;
  /** What of `command` is the entrypoint; missing: it has none. */
  readonly entrypoint?: readonly string[] | undefined;
  /** The rest of `command`. */
  readonly arguments: readonly string[];
  readonly hostname: string;
  readonly umask: number;
  readonly mountPoints: readonly MountDetails[];
  /** Paths that get a volume without a name, of the options and the image. */
  readonly anonymousVolumes: readonly string[];
  /** `80/tcp`: those that the image or the options name, published or not. */
  readonly exposedPorts: readonly string[];
  readonly stopSignal: string;
  /** Address inside, where the network gives one. */
  readonly ipAddress?: string | undefined;
  readonly ipPrefixLength?: number | undefined;
  readonly gateway?: string | undefined;
  /** Path of its network namespace, while it runs. */
  readonly sandbox?: string | undefined;
  /** Names with `CAP_`. */
  readonly capabilities: {
    readonly effective: readonly string[];
    readonly bounding: readonly string[];
  };
  readonly rlimits: readonly RlimitDetails[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly idMapping: {
    readonly uid: readonly IdRangeDetails[];
    readonly gid: readonly IdRangeDetails[];
  };
  /** Ids of the containers whose namespaces it shares. */
  readonly dependencies: readonly string[];
  /** Of the programs that `exec` started and that run. */
  readonly execIds: readonly string[];
  /** While it runs. */
  readonly monitorPid?: number | undefined;
  /** Of the cgroup version 2 in which its init is, while it runs. */
  readonly cgroupPath?: string | undefined;
  /** While it runs: who made its control group, and what limits that has, by file name. */
  readonly group?:
    | {
        readonly manager: "systemd" | "cgroupfs";
        readonly limits: Readonly<Record<string, string>>;
      }
    | undefined;
  readonly healthcheck?: HealthcheckDetails | undefined;
  readonly healthState?: HealthDetails | undefined;
  readonly paths: {
    /** All that is its own. */
    readonly directory: string;
    /** The OCI runtime configuration. */
    readonly ociConfig: string;
    /** Names its monitor, while that lives. */
    readonly monitor: string;
    readonly log?: string | undefined;
    readonly resolvConf?: string | undefined;
    readonly hosts?: string | undefined;
    readonly hostnameFile?: string | undefined;
  };
  /** "overlay", "fuse-overlayfs" or "copy". */
  readonly driver: string;
  readonly rootfs: RootfsPaths;
}

/** Everything about one image. */
export interface ImageDetails extends ImageSummary {
  readonly config: ImageConfig;
  /** Media type of its manifest. */
  readonly manifestType: string;
  /** Annotations of its manifest. */
  readonly annotations: Readonly<Record<string, string>>;
  /** Where its layers are unpacked for the default id mapping; missing: they are not. */
  readonly rootfs?: RootfsPaths | undefined;
}
