import type { LimitOptions } from "../container/limits.ts";
import type { PullProgress } from "./progress.ts";
import type { RegistryCredentials } from "./pull-types.ts";

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
  /** Directory with the registry's `*.crt`, and `*.cert` with `*.key` of ours. */
  readonly certDir?: string | undefined;
  readonly credentials?: RegistryCredentials | undefined;
  /** The image is the one that this file names. */
  readonly lockFile?: string | undefined;
}

/** How a process makes way for the native session of a container, which needs no Node. */
export interface HandOver {
  /** The caller types into the container: its terminal is to be raw. */
  readonly isTyped: boolean;
  readonly proxiesSignals: boolean;
  /** Whether `signal` was aborted, for who would have to make one first. */
  readonly isInterrupted: () => boolean;
  /** What the session becomes again when there is something to explain. */
  readonly commandLine: readonly string[];
  /**
   * execve(2): returns only when the system refuses it.  `args` begin with the program's name;
   * `descriptor` is one that the program has besides 0 to 2.
   */
  readonly replaceProcess: (program: string, args: readonly string[], descriptor?: number) => void;
}

/** What `containers.launch` is given of its caller besides the options. */
export interface RunIo extends CreateIo {
  /** Descriptors that the monitor inherits; nothing reads or writes them here. */
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Descriptors that the program gets as 3, 4 … in this life; missing: none. */
  readonly preserve?: readonly number[] | undefined;
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
  /** Instead of its stop signal, by name or number; missing: that. */
  readonly stopSignal?: string | undefined;
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
