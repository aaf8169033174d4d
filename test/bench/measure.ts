import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { root } from "../run/tree.ts";

const execute = promisify(execFile);
let stopwatch = "";

/** Compiles what starts the candidates and takes their time, into a directory for that. */
export async function buildStopwatch(directory: string): Promise<void> {
  stopwatch = join(directory, "stopwatch");
  const source = join(root, "native/test/stopwatch.c");
  await execute("cc", ["-O2", "-D_GNU_SOURCE", "-o", stopwatch, source]);
}

/** A command whose duration is of interest. */
export interface Candidate {
  readonly name: string;
  /** Program and arguments. */
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** Before and after each run; not measured. */
  readonly prepare?: () => Promise<void>;
  readonly cleanUp?: () => Promise<void>;
}

/** Milliseconds of each run of one candidate, in the order of the runs. */
export type Times = ReadonlyMap<string, readonly number[]>;

/** How long and how often {@link alternate} measures. */
export interface Effort {
  /** Runs of each candidate that do not count. */
  readonly warmUp: number;
  readonly rounds: number;
  /** Milliseconds after which no further round begins. */
  readonly budget: number;
}

/**
 * Runs the candidates in turn, so that whatever else the machine does hits all of them alike.
 *
 * @throws Error when one of them fails, with what it said.
 */
export async function alternate(
  candidates: readonly Candidate[],
  { warmUp, rounds, budget }: Effort,
): Promise<Times> {
  const times = new Map<string, number[]>(candidates.map(({ name }) => [name, []]));
  const end = performance.now() + budget;
  for (let round = -warmUp; round < rounds; round += 1) {
    // Of few rounds there is still a median; what takes minutes is clear after one.
    const late = performance.now() - end;
    if (late > 0 && (round > 2 || (round > 0 && late > budget))) break;
    for (const candidate of candidates) {
      const time = await timeOnce(candidate);
      if (round >= 0) times.get(candidate.name)?.push(time);
    }
  }
  return times;
}

async function timeOnce({ name, argv, env, prepare, cleanUp }: Candidate): Promise<number> {
  await prepare?.();
  const child = spawn(stopwatch, argv, {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (some: string) => {
    words += some;
  });
  const [[status], nanoseconds] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdio[3] as Readable),
  ]);
  await cleanUp?.();
  if (status !== 0) throw new Error(`${name} (${argv.join(" ")}): ${status}: ${words.trim()}`);
  return Number(nanoseconds) / 1e6;
}

/** The middle value; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
