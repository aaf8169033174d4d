import { setTimeout as delay } from "node:timers/promises";
import { TsmanError } from "../errors/index.ts";
import { signalUntil } from "../platform/deadline.ts";
import { type ChildProcess, spawnProgram } from "../platform/process.ts";
import { type JournalEntry, parseJournalEntry } from "./journal-entry.ts";
import type { LogLine } from "./log-line.ts";
import type { LogOptions } from "./log-reader.ts";

/** Milliseconds between two looks at a container whose journal is silent. */
const lookInterval = 250;

/** Where a container's lines are. */
export interface Journal {
  /** Path of journalctl. */
  readonly program: string;
  readonly containerId: string;
}

/**
 * Yields what systemd's journal has of a container, oldest line first, as journalctl(1) gives it.
 *
 * @param isOver asked while following and nothing comes.
 * @throws TsmanError LOG_UNAVAILABLE when journalctl fails, with what it said.
 */
export async function* readJournal(
  journal: Journal,
  options: LogOptions,
  isOver: () => boolean,
): AsyncGenerator<LogLine> {
  const { since, until, follow = false, tail } = options;
  const signal = follow ? signalUntil(until, options.signal) : options.signal;
  const wanted = ({ line }: JournalEntry): boolean =>
    (since === undefined || Date.parse(line.time) >= since.getTime()) &&
    (until === undefined || Date.parse(line.time) < until.getTime());
  const from = since === undefined ? [] : [`--since=@${Math.floor(since.getTime() / 1000)}`];
  let cursor: string | undefined;
  const last = new LastLines(tail ?? 0);
  for await (const entry of entries(journal, from, signal)) {
    cursor = entry.cursor;
    if (!wanted(entry)) continue;
    if (tail === undefined) yield entry.line;
    else last.add(entry.line);
  }
  yield* last;
  if (follow) {
    const after = cursor === undefined ? from : [`--after-cursor=${cursor}`];
    const news = entries(journal, ["--follow", "--no-tail", ...after], signal);
    for await (const entry of untilOver(news, isOver)) {
      if (wanted(entry)) yield entry.line;
    }
  }
  options.signal?.throwIfAborted();
}

/** The last lines of a program; one in pieces counts once. */
class LastLines {
  readonly #count: number;
  readonly #lines: LogLine[] = [];
  #ends = 0;

  constructor(count: number) {
    this.#count = count;
  }

  add(line: LogLine): void {
    this.#lines.push(line);
    if (!line.isPartial) this.#ends += 1;
    while (this.#ends + (line.isPartial ? 1 : 0) > this.#count) {
      const first = this.#lines.shift();
      if (first === undefined) return;
      if (!first.isPartial) this.#ends -= 1;
    }
  }

  [Symbol.iterator](): Iterator<LogLine> {
    return this.#lines[Symbol.iterator]();
  }
}

/** Ends when nothing can come any more, and nothing has for a while: journald is behind a little. */
async function* untilOver(
  source: AsyncGenerator<JournalEntry>,
  isOver: () => boolean,
): AsyncGenerator<JournalEntry> {
  let wasOver = false;
  try {
    for (let next = source.next(); ; ) {
      const result = await Promise.race([next, delay(lookInterval, undefined)]);
      if (result === undefined) {
        const over = isOver();
        if (over && wasOver) return;
        wasOver = over;
        continue;
      }
      if (result.done === true) return;
      wasOver = false;
      yield result.value;
      next = source.next();
    }
  } finally {
    stops.get(source)?.();
  }
}

/** How a generator that waits for journalctl is made to end. */
const stops = new WeakMap<AsyncGenerator<JournalEntry>, () => void>();

function entries(
  { program, containerId }: Journal,
  args: readonly string[],
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalEntry> {
  const fixed = ["--quiet", "--no-pager", "--all", "--output=json"];
  const child = spawnProgram(program, [...fixed, ...args, `CONTAINER_ID_FULL=${containerId}`], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const source = readEntries(child, signal);
  stops.set(source, () => void child.kill());
  return source;
}

async function* readEntries(
  child: ChildProcess,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalEntry> {
  const closed = Promise.withResolvers<number | null>();
  let complaint = "";
  child.once("error", (error) => {
    complaint ||= error.message;
    closed.resolve(null);
  });
  child.once("close", (status) => closed.resolve(status));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    if (complaint.length < 1024) complaint += text;
  });
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    child.kill();
  };
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    let rest = "";
    for await (const text of child.stdout?.setEncoding("utf8") ?? []) {
      const lines = (rest + String(text)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const entry = parseJournalEntry(line);
        if (entry !== undefined) yield entry;
      }
    }
    const status = await closed.promise;
    if (status !== 0 && !isStopped && !child.killed) throw unreadable(complaint);
  } finally {
    signal?.removeEventListener("abort", stop);
    child.kill();
  }
}

function unreadable(complaint: string): TsmanError {
  const [why] = complaint.trim().split("\n");
  return new TsmanError(
    "LOG_UNAVAILABLE",
    `read systemd's journal: ${why || "journalctl failed"}`,
    {
      hint: "see what you may read with: journalctl --user; the group systemd-journal reads everything",
    },
  );
}
