import { readFileSync } from "node:fs";

/** How a container's program ended, as its monitor wrote it down; waitpid(2) taken apart. */
export interface ExitRecord {
  /** Exit status of the program; 128 + signal if a signal ended it. */
  readonly exitCode: number;
  /** The signal that ended it, or 0. */
  readonly signal: number;
  /** Missing: it was killed, and nobody can tell why. */
  readonly isOutOfMemory?: boolean | undefined;
  /** A health check wants it to be started again. */
  readonly isRestartWanted?: boolean | undefined;
  /** RFC 3339, UTC. */
  readonly finishedAt: string;
}

/**
 * Reads the monitor's exit file.
 *
 * @returns undefined when there is none or it does not say everything: an exit status is never
 * invented.
 */
export function readExitRecord(path: string): ExitRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  return parseExitRecord(text);
}

/** Lines `key value`, written by native/monitor; see TSMAN_SET_EXIT_FILE in native/protocol.h. */
export function parseExitRecord(text: string): ExitRecord | undefined {
  const status = integer(/^status (\d{1,9})$/m.exec(text));
  const signal = integer(/^signal (\d{1,9})$/m.exec(text));
  const finished = /^finished (\d{1,12})\.(\d{9})$/m.exec(text);
  if (status === undefined || signal === undefined || finished === null) return undefined;
  return {
    exitCode: signal > 0 ? 128 + signal : status,
    signal,
    ...(!/^oom unknown$/m.test(text) && { isOutOfMemory: /^oom 1$/m.test(text) }),
    ...(/^restart 1$/m.test(text) && { isRestartWanted: true }),
    finishedAt: new Date(
      Number(finished[1]) * 1000 + Math.floor(Number(finished[2]) / 1e6),
    ).toISOString(),
  };
}

function integer(match: RegExpExecArray | null): number | undefined {
  return match === null ? undefined : Number(match[1]);
}

/** A wait status as of waitpid(2), as exit code in the shell's convention. */
export function exitCodeOfWaitStatus(waitStatus: number): number {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
}
