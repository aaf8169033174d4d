import type { PullProgress } from "../../engine/progress.ts";
import type { Output } from "../output.ts";
import { escapeControls } from "./escape.ts";
import { humanSize } from "./human.ts";

/** Shows what a pull tells. */
export interface ProgressView {
  readonly onProgress: (event: PullProgress) => void;
  /** Leaves the last state on the screen and the cursor below it. */
  readonly finish: () => void;
}

/** Nothing (`--quiet`), bars on a terminal, plain lines elsewhere. */
export function progressView(
  stderr: Output,
  options: { readonly quiet: boolean; readonly columns: () => number },
): ProgressView {
  if (options.quiet) return { onProgress: () => {}, finish: () => {} };
  return stderr.isTerminal ? bars(stderr, options.columns) : lines(stderr);
}

function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

function lines(stderr: Output): ProgressView {
  return {
    finish: () => {},
    onProgress: (event) => {
      const text = lineOf(event);
      if (text !== undefined) stderr.write(`${text}\n`);
    },
  };
}

function copyingLine({ source, destination }: Extract<PullProgress, { kind: "copying" }>): string {
  return `Copying ${source} to ${destination}`;
}

function fallbackLine({ reason, to }: Extract<PullProgress, { kind: "fallback" }>): string {
  return `Trying ${to}: ${reason}`;
}

function reusedNote({ reused }: Extract<PullProgress, { kind: "layer-start" }>): string {
  return reused === undefined ? "" : `, ${humanSize(reused)} are here already`;
}

/** One line for what is worth one. */
function lineOf(event: PullProgress): string | undefined {
  switch (event.kind) {
    case "copying":
      return copyingLine(event);
    case "resolving":
      return `Pulling ${event.reference}`;
    case "pushing":
      return `Pushing to ${event.destination}`;
    case "waiting":
      return `Layer ${shortDigest(event.digest)}: waiting: ${event.reason}`;
    case "layer-exists":
      return `Layer ${shortDigest(event.digest)}: already there`;
    case "layer-start":
      return `Layer ${shortDigest(event.digest)}: ${humanSize(event.total)}${reusedNote(event)}`;
    case "layer-done":
      return `Layer ${shortDigest(event.digest)}: done`;
    case "retry":
      return `Layer ${shortDigest(event.digest)}: again in ${Math.ceil(event.delayMs / 1000)} s: ${event.reason}`;
    case "fallback":
      return fallbackLine(event);
    case "config":
      return `Config ${shortDigest(event.digest)}`;
    case "layers":
    case "layer-progress":
    case "done":
      return undefined;
  }
}

interface Bar {
  current: number;
  total: number;
  state: string | undefined;
  isDone: boolean;
}

/** Screens are repainted at most this often. */
const repaintMs = 80;
const maxBarWidth = 40;
/** What fits on any screen: lines that have scrolled away cannot be repainted. */
const maxRows = 16;

function bars(stderr: Output, columns: () => number): ProgressView {
  const all = new Map<string, Bar>();
  let total = 0;
  let painted = 0;
  let lastPaint = 0;
  let timer: NodeJS.Timeout | undefined;

  const paint = (): void => {
    timer = undefined;
    lastPaint = Date.now();
    const width = Math.max(40, columns());
    const up = painted > 0 ? `\x1b[${painted}A` : "";
    const rows = visibleRows(all, total, width).map((row) => `\x1b[2K${row}\n`);
    stderr.write(`${up}${rows.join("")}\x1b[J`);
    painted = rows.length;
  };
  const schedule = (): void => {
    if (timer !== undefined) return;
    const wait = lastPaint + repaintMs - Date.now();
    if (wait <= 0) paint();
    else timer = setTimeout(paint, wait).unref();
  };
  const bar = (digest: string): Bar => {
    const found = all.get(digest) ?? { current: 0, total: 0, state: undefined, isDone: false };
    all.set(digest, found);
    return found;
  };

  return {
    finish: () => {
      if (timer === undefined) return;
      clearTimeout(timer);
      paint();
    },
    onProgress: (event) => {
      switch (event.kind) {
        case "resolving":
        case "pushing":
          stderr.write(`${escapeControls(lineOf(event) ?? "")}\n`);
          return;
        case "copying":
          stderr.write(`${escapeControls(copyingLine(event))}\n`);
          return;
        case "fallback":
          // Above the bars, where it stays.
          stderr.write(
            `${painted > 0 ? `\x1b[${painted}A\x1b[J` : ""}${escapeControls(fallbackLine(event))}\n`,
          );
          painted = 0;
          break;
        case "layers":
          total = event.total;
          return;
        case "layer-start":
          Object.assign(bar(event.digest), { total: event.total, state: undefined });
          break;
        case "layer-progress":
          Object.assign(bar(event.digest), {
            current: event.current,
            total: event.total,
            state: undefined,
          });
          break;
        case "layer-done": {
          const done = bar(event.digest);
          done.current = done.total;
          done.state = "done";
          done.isDone = true;
          break;
        }
        case "layer-exists":
          Object.assign(bar(event.digest), { state: "already there", isDone: true });
          break;
        case "waiting":
          bar(event.digest).state = `waiting: ${event.reason}`;
          break;
        case "retry":
          bar(event.digest).state =
            `again in ${Math.ceil(event.delayMs / 1000)} s: ${event.reason}`;
          break;
        case "config":
        case "done":
          return;
      }
      schedule();
    },
  };
}

/** All bars; of many, those that are not done, and how many are. */
function visibleRows(all: ReadonlyMap<string, Bar>, total: number, width: number): string[] {
  const line = ([digest, bar]: readonly [string, Bar]): string => barLine(digest, bar, width);
  // Those that were not begun have no bar yet.
  const known = Math.max(total, all.size);
  if (known <= maxRows) return [...all].map(line);
  const open = [...all].filter(([, bar]) => !bar.isDone);
  const summary = `${all.size - open.length} of ${known} layers are there`;
  return [...open.slice(0, maxRows - 1).map(line), summary];
}

function barLine(digest: string, bar: Bar, width: number): string {
  const head = `${shortDigest(digest)} `;
  if (bar.state !== undefined) {
    const size = bar.total > 0 ? `${humanSize(bar.total)} ` : "";
    return escapeControls(`${head}${size}${bar.state}`).slice(0, width - 1);
  }
  const tail = ` ${humanSize(bar.current)} / ${humanSize(bar.total)}`;
  const room = Math.min(maxBarWidth, width - head.length - tail.length - 3);
  if (room < 5) return `${head}${tail}`.slice(0, width - 1);
  const share = bar.total > 0 ? Math.min(1, bar.current / bar.total) : 0;
  const filled = Math.round(share * room);
  const arrow = filled > 0 && filled < room ? `${"=".repeat(filled - 1)}>` : "=".repeat(filled);
  return `${head}[${arrow.padEnd(room)}]${tail}`;
}
