import type { ContainerLogLine } from "../../engine/types.ts";

/** A line of one of several logs. */
export interface TaggedLine {
  /** Which log, by its place in the list. */
  readonly source: number;
  readonly line: ContainerLogLine;
}

/** A program's line may be that long before it is cut, in bytes. */
const maxLine = 1024 * 1024;

/**
 * The lines of several logs by their times: what is in each is in its order.  Each log is read only
 * as far as needed.
 */
export async function* byTime(
  logs: readonly AsyncIterable<ContainerLogLine>[],
): AsyncGenerator<TaggedLine> {
  const heads = await Promise.all(
    logs.map(async (log, source) => {
      const lines = log[Symbol.asyncIterator]();
      return { source, lines, head: await lines.next() };
    }),
  );
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const one of heads) {
      if (one.head.done) continue;
      if (first === undefined || isEarlier(one.head.value, first.head.value)) first = one;
    }
    if (first === undefined) return;
    yield { source: first.source, line: first.head.value };
    first.head = await first.lines.next();
  }
}

function isEarlier(a: ContainerLogLine, b: ContainerLogLine): boolean {
  return sortable(a.time) < sortable(b.time);
}

/** Moments in UTC with all nine decimals, so that their texts compare as they do. */
function sortable(time: string): string {
  const [, seconds = time, fraction = ""] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)$/.exec(time) ?? [];
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}

/** The lines of several logs as they come, for following. */
export async function* asTheyCome(
  logs: readonly AsyncIterable<ContainerLogLine>[],
): AsyncGenerator<TaggedLine> {
  const running = new Map<
    number,
    Promise<{ source: number; result: IteratorResult<ContainerLogLine> }>
  >();
  const iterators = logs.map((log) => log[Symbol.asyncIterator]());
  const advance = (source: number): void => {
    const next = (iterators[source] as AsyncIterator<ContainerLogLine>).next();
    running.set(
      source,
      next.then((result) => ({ source, result })),
    );
  };
  for (const source of iterators.keys()) advance(source);
  while (running.size > 0) {
    const { source, result } = await Promise.race(running.values());
    running.delete(source);
    if (result.done) continue;
    yield { source, line: result.value };
    advance(source);
  }
}

/** A log that ends where it fails, which is told: the others go on. */
export async function* untilFailure(
  log: AsyncIterable<ContainerLogLine>,
  tell: (error: unknown) => Promise<void>,
): AsyncGenerator<ContainerLogLine> {
  try {
    yield* log;
  } catch (error) {
    await tell(error);
  }
}

/**
 * A program's lines, put together of their pieces, each with the time of its first one: where lines
 * of several logs share an output, none may begin within another.
 */
export async function* wholeLines(
  log: AsyncIterable<ContainerLogLine>,
): AsyncGenerator<ContainerLogLine> {
  const open = new Map<
    ContainerLogLine["stream"],
    { first: ContainerLogLine; pieces: Uint8Array[]; size: number }
  >();
  for await (const line of log) {
    const before = open.get(line.stream);
    const first = before?.first ?? line;
    const size = (before?.size ?? 0) + line.text.length;
    // A piece that waits needs bytes of its own.
    const pieces = [
      ...(before?.pieces ?? []),
      line.isPartial ? Uint8Array.from(line.text) : line.text,
    ];
    if (line.isPartial && size < maxLine) {
      open.set(line.stream, { first, pieces, size });
      continue;
    }
    open.delete(line.stream);
    yield { ...first, isPartial: false, text: Buffer.concat(pieces) };
  }
  for (const { first, pieces } of open.values()) {
    yield { ...first, isPartial: false, text: Buffer.concat(pieces) };
  }
}
