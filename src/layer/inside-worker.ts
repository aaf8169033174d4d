import { PassThrough, type Readable, type Writable } from "node:stream";
import { TsmanError } from "../errors/index.ts";
import { insideWorkerEntry, nodeProgram } from "../platform/native.ts";
import type { ChildProcess } from "../platform/process.ts";
import {
  joinUserns,
  spawnInDirectory,
  spawnInUserns,
  spawnWorker,
  type UsernsMaps,
} from "../platform/userns.ts";
import { closedDirectories } from "./closed-directories.ts";
import {
  type InsideAnswer,
  type InsideCounts,
  type InsideRequest,
  insideAnswerFd,
  insideRootFd,
  maxInsideAnswerBytes,
  parseInsideAnswer,
} from "./inside-protocol.ts";
import { cannotStart, endedSilently, interrupted } from "./worker-failure.ts";

/** The files that an inside worker works on, and whose ids it has. */
export type InsidePlace =
  /**
   * An open directory that is the root of a mount, or that nobody can move others out of; without a
   * mapping as the caller, who is root.
   */
  | {
      readonly kind: "directory";
      readonly fd: number;
      readonly mapping: UsernsMaps | undefined;
    }
  /** An open directory of the host, of which a mount is made; the mapping likewise. */
  | { readonly kind: "host"; readonly fd: number; readonly mapping: UsernsMaps | undefined }
  /** An open directory, in the user namespace behind another descriptor. */
  | { readonly kind: "joined"; readonly fd: number; readonly usernsFd: number }
  /** What native/view.h describes: kind and paths. */
  | { readonly kind: "view"; readonly words: readonly string[]; readonly mapping: UsernsMaps };

/** A request without what {@link startInside} adds to it. */
export type InsideTask = InsideRequest extends infer R
  ? R extends InsideRequest
    ? Omit<R, "hasRootFd">
    : never
  : never;

/** What {@link startInside} takes. */
export interface InsideOptions {
  readonly place: InsidePlace;
  readonly task: InsideTask;
  /** What it does, for messages: `copy from web:/etc`. */
  readonly context: string;
  /** Descriptors of the caller's instead of streams of ours. */
  readonly stdin?: number | undefined;
  readonly stdout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A worker at work. */
export interface InsideWorker {
  /** What `archive` will write, before it does. */
  readonly source: Promise<"file" | "directory">;
  /**
   * It has done everything; rejects with why not.  Settles when the worker is gone.
   */
  readonly done: Promise<InsideCounts>;
  /** Takes an archive; undefined with `stdin`. */
  readonly input: Writable | undefined;
  /** Gives an archive or a list; undefined with `stdout`. */
  readonly output: Readable | undefined;
  /** Ends it: somebody else has failed. */
  cancel(): void;
}

/** Starts a Node that makes `place` its root and does what `task` says; see inside/main.ts. */
export function startInside(options: InsideOptions): InsideWorker {
  const { context, signal } = options;
  const child = spawn(options);
  const source = Promise.withResolvers<"file" | "directory">();
  const done = Promise.withResolvers<InsideCounts>();
  // Whoever waits for one of them learns of the failure; the other must not end the process.
  source.promise.catch(() => undefined);
  done.promise.catch(() => undefined);
  let last: InsideAnswer | undefined;
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    child.kill("SIGKILL");
  };
  readLines(child.stdio[insideAnswerFd] as Readable, (line) => {
    const answer = line === undefined ? undefined : parseInsideAnswer(line);
    if (answer === undefined)
      fail(new TsmanError("INTERNAL", `${context}: the worker said nonsense`));
    else if (answer.kind === "source") source.resolve(answer.type);
    else last = answer;
  });
  const complaint: Buffer[] = [];
  (child.stdio[2] as Readable).on("data", (chunk: Buffer) => {
    if (complaint.length < 64) complaint.push(chunk);
  });
  const onAbort = (): void => fail(interrupted(context, signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  // A worker that has refused an archive does not read the rest of it.
  child.stdin?.on("error", () => undefined);
  const settle = (error: unknown): void => {
    signal?.removeEventListener("abort", onAbort);
    if (error === undefined && last?.kind === "done") {
      const { kind: _, ...counts } = last;
      done.resolve(counts);
      return;
    }
    const reason = error ?? new TsmanError("INTERNAL", `${context}: no answer`);
    source.reject(reason);
    done.reject(reason);
  };
  child.once("error", (error) => settle(failure ?? cannotStart(context, error)));
  child.once("close", (status, killer) => {
    if (failure !== undefined) settle(failure);
    else if (last?.kind === "failed") {
      const { code, message } = last;
      const hint = hintFor(last, options.place);
      settle(new TsmanError(code, `${context}: ${message}`, { hint }));
    } else if (last?.kind === "done" && status === 0) settle(undefined);
    else settle(endedSilently(context, status, killer, Buffer.concat(complaint).toString("utf8")));
  });
  return {
    source: source.promise,
    done: done.promise,
    input: child.stdin ?? undefined,
    // Taken at once: Node throws away what nobody reads when the worker has ended.
    output: child.stdout?.pipe(new PassThrough()),
    cancel: () => void child.kill("SIGKILL"),
  };
}

/** A directory of the caller's, or a volume, is not the store that hints of file errors are about. */
function hintFor(
  { code, hint }: Extract<InsideAnswer, { kind: "failed" }>,
  place: InsidePlace,
): string | undefined {
  if (place.kind === "view") return hint;
  if (code === "DISK_FULL") return "free space on the file system that it is copied to";
  return code === "PREFLIGHT_STORAGE" ? "check that you may read and write there" : hint;
}

function spawn({ place, task, stdin, stdout }: InsideOptions): ChildProcess {
  const hasRootFd = place.kind === "directory" || place.kind === "joined";
  const request = { ...task, hasRootFd } as InsideRequest;
  const argv = [nodeProgram(), insideWorkerEntry(), JSON.stringify(request)] as const;
  const takesInput = task.op === "extract";
  const streams = [
    takesInput ? (stdin ?? "pipe") : "ignore",
    stdout ?? "pipe",
    "pipe",
    "pipe",
  ] as const;
  switch (place.kind) {
    case "view":
      return spawnInUserns(place.mapping, argv, {
        stdio: [...streams],
        cwd: "/",
        isWorker: true,
        mount: true,
        view: place.words,
        covered: closedDirectories(place.mapping),
      });
    case "joined":
      return joinUserns(argv, { stdio: [...streams, place.fd, place.usernsFd], cwd: "/" });
    case "directory": {
      const options = { stdio: [...streams, place.fd], cwd: "/" };
      if (place.mapping === undefined) return spawnWorker(argv, options);
      const covered = closedDirectories(place.mapping);
      return spawnInUserns(place.mapping, argv, { ...options, isWorker: true, covered });
    }
    case "host": {
      const options = { stdio: [...streams, place.fd], cwd: "/" };
      if (place.mapping === undefined) return spawnInDirectory(insideRootFd, argv, options);
      const covered = closedDirectories(place.mapping);
      const directory = insideRootFd;
      return spawnInUserns(place.mapping, argv, { ...options, isWorker: true, directory, covered });
    }
  }
}

/** @param onLine gets undefined for a line that is too long. */
function readLines(stream: Readable, onLine: (line: string | undefined) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
    if (rest.length > maxInsideAnswerBytes) onLine(undefined);
  });
  stream.on("error", () => undefined);
}
