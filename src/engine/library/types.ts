import type { Readable, Writable } from "node:stream";
import type {
  BindMount,
  ContainerOptions,
  NetworkRequest,
  SecurityOptions,
  TmpfsMount,
  VolumeMount,
} from "../../container/options.ts";
import type { ContainerDetails } from "../details-types.ts";
import type { CreateIo, PortBinding, TerminalSize, WaitOptions } from "../types.ts";

// What programs use that have tsman as a library: containers as objects, with members that have
// defaults and promises that reject with a TsmanError.

/** With all but some members optional, and undefined the same as missing. */
type Loose<T, Required extends keyof T> = { readonly [K in Required]: T[K] } & {
  readonly [K in Exclude<keyof T, Required>]?: T[K] | undefined;
};

/** A port to publish: the container's number alone, or more. */
export type PortInput =
  | number
  | {
      readonly container: number;
      /** Missing: a free one. */
      readonly host?: number | undefined;
      /** Missing: 127.0.0.1, so that nobody else reaches it; 0.0.0.0 is all of this machine's. */
      readonly hostIp?: string | undefined;
      /** Missing: tcp. */
      readonly protocol?: "tcp" | "udp" | undefined;
    };

/** Something to mount; a `source` may be relative to the working directory. */
export type MountInput =
  | Loose<BindMount, "type" | "source" | "target">
  | Loose<VolumeMount, "type" | "target">
  | Loose<TmpfsMount, "type" | "target">;

/** Members of {@link ContainerOptions} that {@link RunOptions} has in another form, or not at all. */
type Replaced =
  | "image"
  | "rootfs"
  | "detach"
  | "interactive"
  | "detachKeys"
  | "remove"
  | "ephemeral"
  | "env"
  | "hostEnv"
  | "envMerge"
  | "ports"
  | "mounts"
  | "network"
  | "security"
  | "createCommand";

type SameOptions = {
  readonly [K in Exclude<keyof ContainerOptions, Replaced>]?: ContainerOptions[K] | undefined;
};

/** What a container is like that `containers.run` starts; all of it may be missing. */
export interface RunOptions extends SameOptions, CreateIo {
  /** Values of variables; undefined: not set. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly ports?: readonly PortInput[] | undefined;
  readonly mounts?: readonly MountInput[] | undefined;
  /** Missing: "slirp4netns", a network of its own with a way out. */
  readonly network?: "slirp4netns" | "none" | "host" | NetworkRequest | undefined;
  readonly security?: Partial<SecurityOptions> | undefined;
  /**
   * It outlives this process and its handle: it is there until somebody removes it.  Missing: it is
   * ended and removed with its handle, and, however that happens, with this process.
   */
  readonly keep?: boolean | undefined;
}

/** What runs in a container besides its own program, and how. */
export interface ProcessOptions {
  /** Over the container's variables; undefined: as there. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Absolute; missing: the container's. */
  readonly workdir?: string | undefined;
  /** NAME, UID, NAME:GROUP or UID:GID; missing: the container's. */
  readonly user?: string | undefined;
  /** All capabilities that the container's user namespace has. */
  readonly privileged?: boolean | undefined;
  /** With a terminal of this size, whose output all comes as stdout. */
  readonly terminal?: TerminalSize | undefined;
  /** Ends the program with SIGKILL; whoever waits for it gets INTERRUPTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What {@link Container.exec} takes. */
export interface CollectOptions extends ProcessOptions {
  /** What the program reads; missing: nothing. */
  readonly input?: string | Uint8Array | undefined;
  /** "bytes": output as it is; missing: as UTF-8. */
  readonly encoding?: "utf8" | "bytes" | undefined;
  /** Bytes of each stream before the program is ended, with OUTPUT_LIMIT; missing: 16 MiB. */
  readonly maxOutput?: number | undefined;
}

/** What a program said, and how it ended. */
export interface ExecResult<Output = string> {
  /** In the shell's convention: 128 + n for signal n. */
  readonly status: number;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** A program that runs in a container; leaving its block ends it. */
export interface SpawnedProcess extends AsyncDisposable {
  /** What it reads; `end()` is its end of file. */
  readonly stdin: Writable;
  /** To be read: a program whose output nobody takes waits. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** When it has ended and its output is there; rejects with INTERRUPTED when its signal was aborted. */
  readonly exited: Promise<{ readonly status: number }>;
  /** @param signal name or number; missing: SIGKILL. */
  kill(signal?: string | number): void;
  /** With a terminal: its new size. */
  resize(size: TerminalSize): void;
}

/** A line of a container's output. */
export interface LogEntry {
  /** RFC 3339 with nanoseconds; of its beginning. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  /** Without the newline; invalid UTF-8 is replaced, what is beyond 1 MiB is an entry of its own. */
  readonly text: string;
}

/** Which lines of a container's output. */
export interface LogOptions {
  /** Go on until the container ends; missing: what there is. */
  readonly follow?: boolean | undefined;
  /** The last n lines; missing: all. */
  readonly tail?: number | undefined;
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a container is ended. */
export interface StopOptions {
  /** Seconds from its stop signal to SIGKILL, negative: never; missing: the container's own. */
  readonly timeout?: number | undefined;
  /** Ends the waiting, not what was begun. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * A container.  One that this process has started, unless with `keep`, is ended and removed when its
 * block is left (`await using`) or this process ends; any other is left as it is.
 */
export interface Container extends AsyncDisposable {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  /** Published ports, as they are in force. */
  readonly ports: readonly PortBinding[];
  /**
   * The port of this machine behind which a port of the container is.
   *
   * @param protocol missing: tcp.
   * @throws TsmanError PORT_NOT_PUBLISHED
   */
  port(containerPort: number, protocol?: "tcp" | "udp"): number;
  /**
   * Runs a program in it to its end; a status other than 0 is a result.
   *
   * @throws TsmanError CONTAINER_NOT_RUNNING, COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, USAGE,
   * OUTPUT_LIMIT, INTERRUPTED
   */
  exec(
    command: readonly string[],
    options: CollectOptions & { readonly encoding: "bytes" },
  ): Promise<ExecResult<Uint8Array>>;
  exec(
    command: readonly string[],
    options?: CollectOptions & { readonly encoding?: "utf8" | undefined },
  ): Promise<ExecResult>;
  /** Starts a program in it, with its streams; errors as {@link exec}. */
  spawn(command: readonly string[], options?: ProcessOptions): Promise<SpawnedProcess>;
  /** What its program wrote. */
  logs(options?: LogOptions): AsyncIterable<LogEntry>;
  /** Waits for its end, or for one of the conditions ("healthy" …), whose status is -1. */
  wait(options?: WaitOptions): Promise<{ readonly status: number }>;
  inspect(): Promise<ContainerDetails>;
  /** One that has ended, again. */
  start(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Lets it end; its log and files stay until it is removed. */
  stop(options?: StopOptions): Promise<void>;
  /** @param signal name or number; missing: SIGKILL. */
  kill(signal?: string | number): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Ends it at once if it runs, and removes it with the volumes that were made for it. */
  remove(): Promise<void>;
}
