import type { Readable, Writable } from "node:stream";
import type { PlanRecord } from "./launch-plan.ts";

/** A step of a plan, as far as a message tells of it. */
export type FailedStep = Pick<PlanRecord, "op" | "because">;

/** Why a container did not start, as the native program reported it. */
export interface MonitorFailure {
  /** The step that failed, or the setting that was about the `object`. */
  readonly step?: FailedStep | undefined;
  /** Position among the steps; -1: it was not a step. */
  readonly stepIndex: number;
  /** "monitor", "map", "stage 1", "init", "network", "hook" or "exec". */
  readonly stage: string;
  /** "mount", "open", "clone", … */
  readonly operation: string;
  readonly object: string;
  readonly errno: number;
  /** The kernel's mount log, stderr of a helper, …; may be empty. */
  readonly detail: string;
}

/** Init of a container, named so that a reused pid is not taken for it. */
export interface CreatedProcess {
  /** In the caller's pid namespace. */
  readonly pid: number;
  /** proc_pid_stat(5), field 22. */
  readonly startTime: bigint;
}

/** A wait status as of waitpid(2); `exitCodeOfWaitStatus` of container/exit-record reads it. */
export type WaitStatus = number;

/** Pipes to and from a program; undefined where none was asked for. */
export interface MonitorStreams {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
}

/**
 * A monitor that was started and the way to talk to it.
 *
 * The promises settle in the order created, ready, started, exited.  A failure rejects all that
 * are still pending with the same TsmanError, whose `cause` is a {@link MonitorFailure} (see
 * `monitorFailureOf`).  None of them ever counts as an unhandled rejection.
 */
export interface MonitorHandle {
  /** Process id of the monitor itself. */
  readonly pid: number;
  readonly created: Promise<CreatedProcess>;
  /** All is set up, network included; init waits for `start()` if the plan says HOLD. */
  readonly ready: Promise<void>;
  /** execve succeeded. */
  readonly started: Promise<void>;
  readonly exited: Promise<WaitStatus>;
  /** Resolves when the detach keys were typed; stays pending otherwise. */
  readonly detached: Promise<void>;
  /**
   * The CALLER step has come, and waits for `go()`; stays pending without one.  With the pid of the
   * process that is in the container's namespaces: init, or, in a pid namespace that is joined,
   * one that forks init later (native/outside.h), before `created`.
   */
  readonly asked: Promise<number>;
  /** Init waits at its start pipe and the monitor is gone; stays pending without START_PIPES. */
  readonly left: Promise<void>;
  /** This process's ends of those streams for which a pipe was asked. */
  readonly streams: MonitorStreams;
  /** At `exited`: somebody starts the container again, so it is not to be removed (`--rm`). */
  readonly isKept: boolean;
  /** What the monitor warned of so far; the array grows. */
  readonly warnings: readonly string[];
  /** After `ready`, with HOLD: go on to the program. */
  start(): void;
  /** After `asked`: go on. */
  go(): void;
  /** Sends a signal to the container's init. */
  signal(signal: number): void;
  /** Tells the terminal's new size. */
  resize(rows: number, columns: number): void;
  /** Sends `signal`, and SIGKILL after `milliseconds`. */
  stop(signal: number, milliseconds: number): void;
  /** Whether this process stays for as long as the monitor does; at first it does. */
  keepProcess(isWanted: boolean): void;
  /** Gives the container up: the monitor ends what it has begun; resolves when it is gone. */
  end(): Promise<void>;
  /**
   * Lets go of the monitor: this process may end, the container lives on.  Promises that are still
   * pending stay so.
   */
  disconnect(): void;
  /**
   * Resolves when a monitor that goes by itself (LEAVE, START_PIPES) has gone.  A caller who ended
   * before would leave it to the subreaper, who is told of its end as of the container's.
   */
  departed(): Promise<void>;
}
