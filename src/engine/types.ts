import type { HealthOptions } from "../container/health-policy.ts";
import type { LimitOptions } from "../container/limits.ts";
import type { ContainerOptions, PullPolicy } from "../container/options.ts";
import type { RestartPolicy } from "../container/restart-policy.ts";
import type { TsmanError } from "../errors/index.ts";
import type { Platform } from "../oci/platform.ts";
import type { ContainerEventStatus, ImageEventStatus, VolumeEventStatus } from "../store/events.ts";
import type { ContainerDetails, HealthResult, ImageDetails } from "./details-types.ts";
import type { ExecIo, ExecOptions, ExecSession } from "./exec-types.ts";
import type { ContainerFileService } from "./file-types.ts";
import type { LocalImageService } from "./image-types.ts";
import type { Container, RunOptions } from "./library/types.ts";
import type { ContainerProcess, ContainerStats, StatsOptions } from "./process-types.ts";
import type { PullProgress } from "./progress.ts";
import type { PushOptions, PushResult } from "./push-types.ts";
import type { ImageSearchService } from "./search-types.ts";
import type { ImageTransferService } from "./transfer-types.ts";

export type * from "./check-types.ts";
export type * from "./details-types.ts";
export type { ExecIo, ExecOptions, ExecSession } from "./exec-types.ts";
export type * from "./image-types.ts";
export type * from "./manifest-types.ts";
export type * from "./process-types.ts";
export type * from "./push-types.ts";
export type * from "./registry-types.ts";
export type * from "./system-types.ts";

// The shapes that the engine hands out and takes: what the command line, and any other front end,
// is written against.  No store record, file name or native message is part of them.

/** A name and password for a registry, as of `--creds`. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
}

/** How an image is fetched. */
export interface PullOptions {
  /** Missing: this host's. */
  readonly platform?: Platform | undefined;
  /** Missing: true, except that loopback registries may answer plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** Missing: "always". */
  readonly policy?: PullPolicy | undefined;
  /** Credentials file to read instead of the usual ones. */
  readonly authFile?: string | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  /** Directory with the registry's `*.crt`, and `*.cert` with `*.key` of ours. */
  readonly certDir?: string | undefined;
  /** Fetch an index with all that it names; its name stands for a manifest list then. */
  readonly allPlatforms?: boolean | undefined;
  /** Which image a name means is what this file says. */
  readonly lock?: LockOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** A file that pins names of images to digests, `tsman.lock`. */
export interface LockOptions {
  /** Path of it. */
  readonly file: string;
  /** Ask the registry, and write down what it says; default: obey the file. */
  readonly update?: boolean | undefined;
}

/** An entry of a lock file. */
export interface PinnedImage {
  /** Full name, `registry/repository:tag`. */
  readonly name: string;
  /** Digests of the image's manifests by platform, `os/arch[/variant]`. */
  readonly platforms: Readonly<Record<string, string>>;
  /** Whether the file said something else before. */
  readonly isChanged: boolean;
}

/** What a pull gave. */
export interface PullResult {
  /** Image id: `sha256:` and 64 hexadecimal digits. */
  readonly id: string;
  /** What was written into the lock file. */
  readonly pinned?: PinnedImage | undefined;
}

/** One image of the store, or one list of images for several platforms. */
export interface ImageSummary {
  /** `sha256:` and 64 hexadecimal digits; those alone for a list. */
  readonly id: string;
  /**
   * "list": an index, with nothing of an image but names, digest and the bytes of its document;
   * "listed": an image without a name, which a list of the store names.
   */
  readonly kind: "image" | "list" | "listed";
  /** Full names with tag; empty for an image that lost its names. */
  readonly names: readonly string[];
  /** `repository@sha256:…`. */
  readonly repoDigests: readonly string[];
  /** Digest of the manifest. */
  readonly digest: string;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Bytes of all its layers, unpacked where known. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly platform: Platform;
  /** How many containers were made from it. */
  readonly containers: number;
}

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

/** The size of a terminal, in characters. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** What `containers.create` is given of its caller besides the options. */
export interface CreateIo {
  /** Aborts what goes on. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  /** For an image that has to be pulled. */
  readonly tlsVerify?: boolean | undefined;
  readonly authFile?: string | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  /** The image is the one that this file names. */
  readonly lockFile?: string | undefined;
}

/** How a process makes way for the native session of a container, which needs no Node. */
export interface HandOver {
  /** The caller types into the container: its terminal is to be raw. */
  readonly isTyped: boolean;
  readonly proxiesSignals: boolean;
  /** What the session becomes again when there is something to explain. */
  readonly commandLine: readonly string[];
  /** execve(2): returns only when the system refuses it.  `args` begin with the program's name. */
  readonly replaceProcess: (program: string, args: readonly string[]) => void;
}

/** What `containers.launch` is given of its caller besides the options. */
export interface RunIo extends CreateIo {
  /** Descriptors that the monitor inherits; nothing reads or writes them here. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Size of the caller's terminal, with `options.tty`. */
  readonly terminal?: TerminalSize | undefined;
  /** Aborts what goes on before the container has started; later it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** The same was tried before: what there is to know of the options and this host has been said. */
  readonly isRetry?: boolean | undefined;
  /** Lets a small native program stay in this process's place, where the start allows it. */
  readonly handOver?: HandOver | undefined;
  /** Called before this process starts the container's monitor: from then on signals are for it. */
  readonly beforeMonitor?: (() => void) | undefined;
  /** The program starts when this has settled; runs while the container is set up. */
  readonly beforeStart?: (() => Promise<void>) | undefined;
}

/** What can be changed of a container; missing: as it was. */
export interface ContainerChanges {
  readonly restart?: RestartPolicy | undefined;
  /** What is missing of it stays as it was. */
  readonly health?: HealthOptions | undefined;
  /** The same. */
  readonly limits?: LimitOptions | undefined;
}

/** How a container is cloned. */
export interface CloneOptions {
  /** What is missing of them is the original's. */
  readonly limits?: LimitOptions | undefined;
  /** Missing: the original's name with `-clone`, and a number if need be. */
  readonly name?: string | undefined;
  /** Missing: the original's. */
  readonly image?: string | undefined;
  /** Remove the original when the clone is there … */
  readonly destroy?: boolean | undefined;
  /** … even if it runs. */
  readonly force?: boolean | undefined;
}

/** How a container is stopped and started again. */
export interface RestartOptions {
  /** Seconds until SIGKILL; missing: the container's own. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** How a container is started that there is already. */
export interface StartOptions {
  /** In the foreground, on the caller's descriptors; missing: in the background. */
  readonly attach?: boolean | undefined;
  /** With `attach`: the caller's input too, if it was made with one (`-i`). */
  readonly interactive?: boolean | undefined;
  /** As of `run`; missing: the container's own. */
  readonly detachKeys?: readonly number[] | undefined;
}

/** A container that was started by this process. */
export interface RunSession {
  readonly id: string;
  readonly name: string;
  /** The program's execve succeeded; rejects with why not. */
  readonly started: Promise<void>;
  /** The program ended: its status in the shell's convention, 128 + n for signal n. */
  readonly exited: Promise<{ readonly status: number }>;
  /** The detach keys were typed: the container goes on without us. */
  readonly detached: Promise<void>;
  /** Sends signal number `n` to the container's init. */
  signal(n: number): void;
  resize(rows: number, columns: number): void;
  /** Lets go: the container goes on, this process may end. */
  release(): void;
}

/** How one attaches to a container. */
export interface AttachOptions {
  /** Descriptor 0 is the program's input; missing: when it was made with `-i`. */
  readonly stdin?: boolean | undefined;
  /** As of `run`; missing: the container's own. */
  readonly detachKeys?: readonly number[] | undefined;
}

/** Which log lines, see `tsman logs`. */
export interface ContainerLogOptions {
  readonly follow?: boolean | undefined;
  /** The last n lines; missing: all. */
  readonly tail?: number | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What `containers.wait` waits for; "stopped" and "exited" are its end, and one. */
export type WaitCondition =
  | "configured"
  | "initialized"
  | "created"
  | "running"
  | "paused"
  | "stopped"
  | "exited"
  | "unknown"
  | "removing"
  | "healthy"
  | "unhealthy";

/** How `containers.wait` waits. */
export interface WaitOptions {
  /** Any of them will do; missing or empty: its end. */
  readonly conditions?: readonly WaitCondition[] | undefined;
  /** Milliseconds between two looks, where nothing tells of a change; missing: 250. */
  readonly interval?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something that happened to a container, image or volume. */
export interface TsmanEvent {
  /** RFC 3339 with nanoseconds, UTC. */
  readonly time: string;
  readonly type: "container" | "image" | "volume";
  readonly status: ContainerEventStatus | ImageEventStatus | VolumeEventStatus;
  /** Of the container or image. */
  readonly id?: string | undefined;
  /** Of the container, image or volume, as it was then. */
  readonly name: string;
  /** Of a container: the name of its image. */
  readonly image?: string | undefined;
  /** Of died and exec_died: how the program ended. */
  readonly exitCode?: number | undefined;
  /** Of health_status: "healthy", "unhealthy" … */
  readonly health?: string | undefined;
  /** Labels of the container, and what belongs to the status. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Which events, see `tsman events`. */
export interface EventOptions {
  /** From then on; missing: from now on, or, without `follow`, all that are known. */
  readonly since?: Date | undefined;
  /** Up to then, which ends the stream. */
  readonly until?: Date | undefined;
  /** At the last one wait for more; missing: true. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A line of the store's file is damaged and was left out; how many so far. */
  readonly onSkipped?: ((count: number) => void) | undefined;
}

/** What an explanation needs besides the options. */
export type ExplainIo = Pick<CreateIo, "lockFile">;

/** What would be done, and why: `tsman run --explain`. */
export interface ExplainDocument {
  /** In the order in which it would be done. */
  readonly sections: readonly ExplainSection[];
}

/** A kind of thing: "namespaces", "id mapping", "mounts" … */
export interface ExplainSection {
  readonly title: string;
  readonly entries: readonly ExplainEntry[];
}

/** One thing, with the option, image field or rule that asked for it. */
export interface ExplainEntry {
  readonly what: string;
  readonly because: string;
  /** The same as data, for machines. */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/** A document that JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The facts of `tsman info`: nested sections of plain values. */
export type InfoDocument = { readonly [section: string]: JsonValue };

/** The part of `Tsman` that concerns images. */
export interface ImageService extends LocalImageService, ImageTransferService, ImageSearchService {
  pull(reference: string, options?: PullOptions): Promise<PullResult>;
  /**
   * Sends an image to a registry; what was not changed keeps its digest.
   *
   * @param destination `docker://NAME` or `NAME`; missing: the name by which the image is called.
   * @throws TsmanError IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, REGISTRY_*
   */
  push(nameOrId: string, destination?: string, options?: PushOptions): Promise<PushResult>;
  /**
   * Full names of the images in a lock file.
   *
   * @throws TsmanError IMAGE_NOT_LOCKED when there is no such file, DOCUMENT_INVALID
   */
  locked(file: string): Promise<readonly string[]>;
  list(): Promise<readonly ImageSummary[]>;
  /** By name, id or unique beginning of an id. */
  find(nameOrId: string): Promise<ImageDetails | undefined>;
}

/** The part of `Tsman` that concerns containers. */
export interface ContainerService extends ContainerFileService {
  /**
   * Starts a container that goes with this process, unless `keep` says otherwise; resolves when its
   * program runs.
   *
   * @param image as of `tsman run`: a name, an id or its beginning.
   * @throws TsmanError USAGE, INTERRUPTED, and why it does not start; then nothing of it is left.
   */
  run(image: string, options?: RunOptions): Promise<Container>;
  /**
   * A container that is there already; leaving its block leaves it as it is.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND
   */
  get(nameOrId: string): Promise<Container>;
  /** Starts a container whose streams are descriptors of this process: `tsman run`. */
  launch(options: ContainerOptions, io: RunIo): Promise<RunSession>;
  /** Makes a container without starting it. */
  create(
    options: ContainerOptions,
    io?: CreateIo,
  ): Promise<{ readonly id: string; readonly name: string }>;
  /**
   * Starts a container that does not run; one that cannot start stays as it was.
   *
   * @returns undefined when it runs already.
   */
  start(nameOrId: string, io: RunIo, options?: StartOptions): Promise<RunSession | undefined>;
  /**
   * Does all of a start that needs no process.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING
   */
  init(nameOrId: string): Promise<void>;
  /** Stops it, if it runs, and starts it in the background. */
  restart(nameOrId: string, options?: RestartOptions): Promise<void>;
  /**
   * Stops every process of it, until {@link unpause}.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED
   */
  pause(nameOrId: string): Promise<void>;
  /** @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING */
  unpause(nameOrId: string): Promise<void>;
  /**
   * Changes what it was made with; a restart policy counts from now on, or from its next start when
   * it had none.
   */
  update(
    nameOrId: string,
    changes: ContainerChanges,
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /** Makes a container with the options of another one. */
  clone(
    nameOrId: string,
    options?: CloneOptions,
    io?: CreateIo,
  ): Promise<{ readonly id: string; readonly name: string }>;
  /** Starts what should be up and is not, after a reboot for instance. */
  startEnabled(io?: Pick<CreateIo, "signal" | "onWarning">): AsyncIterable<{
    readonly id: string;
    readonly name: string;
    /** Missing: it runs now. */
    readonly error?: TsmanError | undefined;
  }>;
  /** A systemd user unit that does that when the user's manager starts. */
  startupUnit(): Promise<string>;
  /** @throws TsmanError CONTAINER_NOT_FOUND, NAME_INVALID, NAME_IN_USE */
  rename(nameOrId: string, name: string): Promise<void>;
  /**
   * Does what is left to do when a container has ended: `--rm` removes it, its restart policy may
   * start it again.
   *
   * @param options `remove`: remove it in any case.
   */
  cleanUp(nameOrId: string, options?: { readonly remove?: boolean | undefined }): Promise<void>;
  /**
   * Connects the caller's descriptors with a container that runs; several may be at once.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
   */
  attach(nameOrId: string, options: AttachOptions, io: RunIo): Promise<RunSession>;
  /** The newest first. */
  list(options?: ContainerListOptions): Promise<readonly ContainerSummary[]>;
  /** By name, id or unique beginning of an id. */
  find(nameOrId: string): Promise<ContainerSummary | undefined>;
  /**
   * Starts a program in a running container, isolated as the container's own, on descriptors of this
   * process; see `Container.exec` for one whose output is wanted here.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, COMMAND_NOT_FOUND,
   * COMMAND_NOT_EXECUTABLE, USAGE, RUNTIME_FAILED
   */
  exec(nameOrId: string, options: ExecOptions, io: ExecIo): Promise<ExecSession>;
  /**
   * @param options.size with `size`, which takes a walk through its files.
   * @throws TsmanError CONTAINER_NOT_FOUND
   */
  inspect(
    nameOrId: string,
    options?: { readonly size?: boolean | undefined },
  ): Promise<ContainerDetails>;
  /** @param timeout seconds until SIGKILL, negative: never; missing: the container's own. */
  stop(
    nameOrId: string,
    options?: {
      readonly timeout?: number | undefined;
      readonly onWarning?: ((message: string) => void) | undefined;
    },
  ): Promise<void>;
  /** @param signal name or number; missing: KILL. */
  kill(nameOrId: string, signal?: string): Promise<void>;
  remove(
    nameOrId: string,
    options?: {
      readonly force?: boolean | undefined;
      /** Before it, the containers that were made to share its namespaces. */
      readonly depend?: boolean | undefined;
      /** Seconds from its stop signal to SIGKILL, 0: at once; missing: the container's own. */
      readonly timeout?: number | undefined;
      readonly volumes?: boolean | undefined;
      readonly onWarning?: ((message: string) => void) | undefined;
    },
  ): Promise<void>;
  /**
   * Checks a container's health now, by its health check.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING, CONTAINER_PAUSED, USAGE (none)
   */
  healthcheck(nameOrId: string, signal?: AbortSignal): Promise<HealthResult>;
  logs(nameOrId: string, options?: ContainerLogOptions): AsyncIterable<ContainerLogLine>;
  /**
   * Its processes; nothing is run in it.
   *
   * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_NOT_RUNNING
   */
  processes(nameOrId: string): Promise<readonly ContainerProcess[]>;
  /** What containers use, sample after sample; those that do not run are left out. */
  stats(options?: StatsOptions): AsyncIterable<readonly ContainerStats[]>;
  /** @returns its exit status; -1 when another condition than its end came true. */
  wait(nameOrId: string, options?: WaitOptions): Promise<{ readonly status: number }>;
}

/** One line of a container's output. */
export interface ContainerLogLine {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** The program's line goes on in the next one. */
  readonly isPartial: boolean;
  /** Without the newline. */
  readonly text: Uint8Array;
}
