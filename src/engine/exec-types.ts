import type { RunIo, RunSession } from "./types.ts";

/** What runs in an exec session, and how: `tsman exec`. */
export interface ExecOptions {
  /** The program and its arguments; PATH is the container's. */
  readonly command: readonly string[];
  /** Descriptor 0 of the caller is forwarded. */
  readonly interactive?: boolean | undefined;
  readonly tty?: boolean | undefined;
  readonly detach?: boolean | undefined;
  /** Over the container's environment. */
  readonly env?: readonly (readonly [name: string, value: string])[] | undefined;
  /** Absolute; missing: the container's. */
  readonly workdir?: string | undefined;
  /** NAME, UID, NAME:GROUP or UID:GID, resolved inside; missing: the container's. */
  readonly user?: string | undefined;
  /** All capabilities that the container's user namespace has. */
  readonly privileged?: boolean | undefined;
  /** Descriptors of this process that the program gets as 3, 4 … */
  readonly preserveFds?: readonly number[] | undefined;
  /** Missing: ctrl-p, ctrl-q. */
  readonly detachKeys?: readonly number[] | undefined;
}

/** What `containers.exec` is given of its caller. */
export type ExecIo = Pick<
  RunIo,
  | "stdin"
  | "stdout"
  | "stderr"
  | "terminal"
  | "signal"
  | "onWarning"
  | "beforeMonitor"
  | "beforeStart"
  | "handOver"
>;

/**
 * A program that was started in a running container: `id` is the session's, `name` the container's,
 * signals go to the program.  It ends with the container, then with status 137.
 */
export type ExecSession = RunSession;
