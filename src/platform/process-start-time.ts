import { readFileSync } from "node:fs";

/**
 * When a process started, in clock ticks since boot: proc_pid_stat(5), field 22.  A pid alone may
 * have been given to another process since; pid, start time and boot id together may not (security
 * case S94).
 *
 * @returns undefined when there is no such process, or only its zombie.
 */
export function processStartTime(pid: number): bigint | undefined {
  return readLife(pid)?.startTime;
}

/** A process that runs or is stopped. */
export interface ProcessLife {
  readonly startTime: bigint;
  /** By a signal such as SIGSTOP. */
  readonly isStopped: boolean;
  /** It has executed a program since it was forked: before, it is its parent's copy. */
  readonly hasExecuted: boolean;
  /** It takes signals later: states D (waits in the kernel) and t (traced) of proc_pid_stat(5). */
  readonly isWaiting: boolean;
}

/** Like {@link processStartTime}, with whether the process is stopped. */
export function readLife(pid: number): ProcessLife | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  const startTime = parseStartTime(text);
  if (startTime === undefined) return undefined;
  const state = text[text.lastIndexOf(")") + 2];
  return {
    startTime,
    isStopped: state === "T",
    hasExecuted: (parseFlags(text) & neverExecuted) === 0,
    isWaiting: state === "D" || state === "t",
  };
}

/**
 * Takes `/proc/PID/stat` apart.  The command's name stands in parentheses and may itself hold
 * spaces and parentheses: the last closing one ends it.
 */
export function parseStartTime(stat: string): bigint | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // fields[0] is field 3 of the manual page: the state.
  const state = fields[0];
  const startTime = fields[19];
  if (state === "Z" || state === "X" || startTime === undefined) return undefined;
  return /^\d+$/.test(startTime) ? BigInt(startTime) : undefined;
}

/** PF_EXITING and PF_FORKNOEXEC of include/linux/sched.h. */
const exiting = 0x4;
const neverExecuted = 0x40;

/** Field 9 of the manual page. */
function parseFlags(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[6]);
}

/**
 * Whether that very process has ended or is about to: the first process of a pid namespace waits for
 * all others while it ends, and nothing can be started there any more (pid_namespaces(7)).
 */
export function isProcessExiting(pid: number, startTime: bigint): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return true;
  }
  if (parseStartTime(text) !== startTime) return true;
  return (parseFlags(text) & exiting) !== 0;
}

/**
 * Whether that very process has ended, or is about to, and executed nothing since it was forked;
 * false when nobody can tell any more, its parent having waited for it.
 */
export function hasEndedUnexecuted(pid: number, startTime: bigint): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return false;
  }
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const flags = parseFlags(text);
  return (
    fields[19] === String(startTime) && (flags & exiting) !== 0 && (flags & neverExecuted) !== 0
  );
}

/** Whether the process that had this pid at that start time still runs. */
export function isProcessAlive(pid: number, startTime: bigint): boolean {
  return processStartTime(pid) === startTime;
}
