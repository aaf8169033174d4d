import { readFileSync } from "node:fs";

/** How a container's program ended, as its monitor wrote it down; waitpid(2) taken apart. */
export interface ExitRecord {
  /** Exit status of the program; 128 + signal if a signal ended it. */
  readonly exitCode: number;
  /** The signal that ended it, or 0. */
  readonly signal: number;
  readonly isOutOfMemory: boolean;
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
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0) fields.set(line.slice(0, space), line.slice(space + 1));
  }
  const status = integer(fields.get("status"));
  const signal = integer(fields.get("signal"));
  const finished = /^(\d{1,12})\.(\d{9})$/.exec(fields.get("finished") ?? "");
  if (status === undefined || signal === undefined || finished === null) return undefined;
  return {
    exitCode: signal > 0 ? 128 + signal : status,
    signal,
    isOutOfMemory: fields.get("oom") === "1",
    finishedAt: new Date(
      Number(finished[1]) * 1000 + Math.floor(Number(finished[2]) / 1e6),
    ).toISOString(),
  };
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A wait status as of waitpid(2), as exit code in the shell's convention. */
export function exitCodeOfWaitStatus(waitStatus: number): number {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? (waitStatus >> 8) & 0xff : 128 + signal;
}
