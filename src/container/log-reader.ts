import { signalUntil } from "../platform/deadline.ts";
import { rotatedLines } from "../platform/rotated-lines.ts";
import { type LogLine, parseLogLine } from "./log-line.ts";
import { findTail } from "./log-tail.ts";

/** Which lines {@link readLog} gives. */
export interface LogOptions {
  /** Only the last n lines; missing: all. */
  readonly tail?: number | undefined;
  /** Only lines at or after this time. */
  readonly since?: Date | undefined;
  /** Only lines before this time, which also ends the following. */
  readonly until?: Date | undefined;
  /** Go on until `isOver()` says that nothing more can come. */
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Yields a container's log, oldest line first, across rotated files (`PATH.N` … `PATH.1`, `PATH`).
 * A line's text is valid until the next one is asked for.
 *
 * @param isOver asked when the end of the file is reached while following.
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  isOver: () => boolean,
): AsyncGenerator<LogLine> {
  const { since, until, follow = false } = options;
  const isBefore = (line: LogLine): boolean =>
    since !== undefined && Date.parse(line.time) < since.getTime();
  const wanted = (line: LogLine): boolean =>
    !isBefore(line) && (until === undefined || Date.parse(line.time) < until.getTime());
  const tail =
    options.tail === undefined
      ? undefined
      : await findTail(path, options.tail, { wanted, isBefore });
  const lines = rotatedLines(path, {
    from: tail?.from,
    follow,
    isOver,
    signal: follow ? signalUntil(until, options.signal) : options.signal,
  });
  for await (const place of lines) {
    const line = parseLogLine(place.bytes);
    if (line !== undefined && wanted(line) && (tail?.has(line, place) ?? true)) yield line;
  }
  options.signal?.throwIfAborted();
}
