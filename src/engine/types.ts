import type { ContainerOptions } from "../container/options.ts";
import type { TsmanError } from "../errors/index.ts";
import type { Platform } from "../oci/platform.ts";
import type {
  ContainerChanges,
  ContainerListOptions,
  ContainerSummary,
} from "./container-types.ts";
import type { ContainerDetails, HealthResult, ImageDetails } from "./details-types.ts";
import type { ExecIo, ExecOptions, ExecSession } from "./exec-types.ts";
import type { ContainerFileService } from "./file-types.ts";
import type { ContainerLogLine, ContainerLogOptions, WaitOptions } from "./follow-types.ts";
import type { LocalImageService } from "./image-types.ts";
import type { Container, RunOptions } from "./library/types.ts";
import type { ContainerProcess, ContainerStats, StatsOptions } from "./process-types.ts";
import type { PullOptions, PullResult } from "./pull-types.ts";
import type { PushOptions, PushResult } from "./push-types.ts";
import type { ImageSearchService } from "./search-types.ts";
import type {
  AttachOptions,
  CloneOptions,
  CreateIo,
  RestartOptions,
  RunIo,
  RunSession,
  StartOptions,
} from "./session-types.ts";
import type { ImageTransferService } from "./transfer-types.ts";

// The shapes that the engine hands out and takes: what the command line, and any other front end,
// is written against.  No store record, file name or native message is part of them.

export type * from "./check-types.ts";
export type * from "./container-types.ts";
export type * from "./details-types.ts";
export type { ExecIo, ExecOptions, ExecSession } from "./exec-types.ts";
export type * from "./explain-types.ts";
export type * from "./follow-types.ts";
export type * from "./image-types.ts";
export type * from "./manifest-types.ts";
export type * from "./process-types.ts";
export type * from "./pull-types.ts";
export type * from "./push-types.ts";
export type * from "./registry-types.ts";
export type * from "./session-types.ts";
export type * from "./system-types.ts";

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
   * COMMAND_NOT_EXECUTABLE, USER_UNUSABLE, WORKDIR_NOT_FOUND, USAGE, RUNTIME_FAILED
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
  /**
   * @param timeout seconds until SIGKILL, negative: never; missing: the container's own.
   * @param stopSignal name or number, instead of its stop signal; missing: that.
   */
  stop(
    nameOrId: string,
    options?: {
      readonly timeout?: number | undefined;
      readonly stopSignal?: string | undefined;
      readonly onWarning?: ((message: string) => void) | undefined;
      /** Ends the waiting, not what was begun. */
      readonly signal?: AbortSignal | undefined;
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
      /** Ends the waiting, not what was begun. */
      readonly signal?: AbortSignal | undefined;
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
