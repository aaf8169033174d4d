import { linesBackward } from "../platform/read-backward.ts";
import { openRotated } from "../platform/rotated-files.ts";
import type { PlacedLine } from "../platform/rotated-lines.ts";
import { type LogLine, parseLogLine } from "./log-line.ts";

/** Where the last lines of a log begin. */
export interface LogTail {
  /** The oldest line that may belong to it; missing: all do. */
  readonly from?: Pick<PlacedLine, "inode" | "offset"> | undefined;
  /** Whether a line of that stream, standing there, is one of them. */
  readonly has: (line: LogLine, place: PlacedLine) => boolean;
}

/** Pieces of a program's line that stand farther back than this are not looked for, in bytes. */
const maxReach = 4 * 1024 * 1024;

interface Place {
  /** 0 is the newest file. */
  readonly file: number;
  readonly inode: bigint;
  readonly offset: number;
}

type Stream = LogLine["stream"];

/**
 * Finds the last `count` lines of a program in its log, reading from the end.  A line in several
 * pieces counts once and is taken whole.
 *
 * @param wanted leaves out lines of other times; once it has seen one, `isBefore` may end the search.
 */
export async function findTail(
  path: string,
  count: number,
  {
    wanted,
    isBefore,
  }: { wanted: (line: LogLine) => boolean; isBefore: (line: LogLine) => boolean },
): Promise<LogTail> {
  await using files = await openFiles(path);
  const search = new TailSearch(count);
  const fileOf = new Map(files.newestFirst.map(({ inode }, index) => [inode, index]));
  reading: for (const [file, { handle, inode }] of files.newestFirst.entries()) {
    for await (const { bytes, offset } of linesBackward(handle)) {
      const line = parseLogLine(bytes);
      if (line === undefined) continue;
      const place = { file, inode, offset };
      if (isBefore(line)) search.close(place);
      else if (wanted(line)) search.take(line, place, bytes.length);
      if (search.isDone) break reading;
    }
  }
  return {
    from: search.oldestBoundary(),
    has: ({ stream }, { inode, offset }) => {
      const boundary = search.boundary(stream);
      if (boundary === undefined) return true;
      // A file that was not there during the search is younger than all that were.
      const index = fileOf.get(inode) ?? -1;
      return index === boundary.file ? offset > boundary.offset : index < boundary.file;
    },
  };
}

/** Decides, line by line from the end, where the tail of each stream begins. */
class TailSearch {
  readonly #count: number;
  readonly #seen = new Set<Stream>();
  /** The last line of a stream that does not belong to the tail. */
  readonly #boundaries = new Map<Stream, Place>();
  #counted = 0;
  #reach = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get isDone(): boolean {
    return this.#boundaries.size === 2;
  }

  boundary(stream: Stream): Place | undefined {
    return this.#boundaries.get(stream);
  }

  take({ stream, isPartial }: LogLine, place: Place, size: number): void {
    if (this.#boundaries.has(stream)) return;
    if (this.#counted === this.#count) this.#reach += size;
    // The very last line of a stream may have no end yet.
    const isEnd = !isPartial || !this.#seen.has(stream);
    this.#seen.add(stream);
    if (!isEnd && this.#reach <= maxReach) return;
    if (isEnd && this.#counted < this.#count) this.#counted += 1;
    else this.#end(stream, place);
  }

  /** Nothing at or before this place is wanted. */
  close(place: Place): void {
    for (const stream of ["stdout", "stderr"] as const) {
      if (!this.#boundaries.has(stream)) this.#boundaries.set(stream, place);
    }
  }

  oldestBoundary(): Place | undefined {
    if (this.#boundaries.size < 2) return undefined;
    const [oldest] = [...this.#boundaries.values()].toSorted(
      (a, b) => b.file - a.file || a.offset - b.offset,
    );
    return oldest;
  }

  #end(stream: Stream, place: Place): void {
    this.#boundaries.set(stream, place);
    const other = stream === "stdout" ? "stderr" : "stdout";
    // Without a line in the tail up to here it has none.
    if (!this.#seen.has(other)) this.#boundaries.set(other, place);
    // The other's line may have begun far back, or be whole: no more than so far is looked for.
    else if (this.#reach > maxReach) this.close(place);
  }
}

async function openFiles(path: string) {
  const files = await openRotated(path);
  return {
    newestFirst: files.toReversed(),
    [Symbol.asyncDispose]: async () => {
      for (const { handle } of files) await handle.close();
    },
  };
}
