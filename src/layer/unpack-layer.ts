import { statSync } from "node:fs";
import { chown } from "node:fs/promises";
import path from "node:path";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { type DiffId, diffIdFromHex, shortDigest } from "../oci/digest.ts";
import { layerCompression } from "../oci/media-types.ts";
import { nodeProgram, unpackWorkerEntry } from "../platform/native.ts";
import type { ChildProcess } from "../platform/process.ts";
import { type IdMapEntry, spawnInUserns, type UsernsMaps } from "../platform/userns.ts";
import { defaultUnpackLimits, type UnpackLimits } from "./limits.ts";
import {
  answerFd,
  type IdRange,
  maxAnswerBytes,
  parseUnpackAnswer,
  type UnpackAnswer,
  type UnpackRequest,
} from "./worker-protocol.ts";

/** What {@link unpackLayer} takes. */
export interface UnpackLayerOptions {
  /** The layer as the registry holds it.  Whoever reads it there checks its digest and size. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Of the layer's descriptor. */
  readonly mediaType: string;
  /** What the uncompressed archive must hash to; of the image config. */
  readonly diffId: DiffId;
  /** An existing, empty directory of the caller's.  On failure it is left as it is then. */
  readonly targetDir: string;
  /** The ids that the layer's files are written with. */
  readonly mapping: UsernsMaps;
  readonly limits?: UnpackLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes of `source` that the worker has taken so far. */
  readonly onProgress?: ((compressedBytes: number) => void) | undefined;
}

/** What an unpack made, and what it had to leave out. */
export interface UnpackedLayer {
  readonly diffId: DiffId;
  /** Archive headers read. */
  readonly entries: number;
  /** Of the uncompressed archive. */
  readonly bytes: number;
  readonly compressedBytes: number;
  /** Device entries, which are never made. */
  readonly skippedDevices: number;
  /** Extended attributes that are reserved, or that this host does not take. */
  readonly droppedXattrs: number;
  /** Files whose owner the id mapping lacks: 0 instead, the truth in `user.tsman.owner`. */
  readonly lostOwners: number;
  /** Directories that the archive only implied (at most 10 000): 0755, root, 1970. */
  readonly impliedDirectories: readonly string[];
  /** The layer hides everything below it (an opaque whiteout at its root). */
  readonly opaqueRoot: boolean;
}

/**
 * Unpacks one layer in one streaming pass: decompress → sha256 (diffID) → tar → files.
 *
 * The work is done by a second Node, which is root of a user namespace with `mapping` – owners of
 * subordinate ids can be written only there – and which has changed its root to `targetDir` before
 * it reads the first byte.
 *
 * When this settles, the worker is gone: after a failure nothing writes into `targetDir` any more
 * and the caller can remove it (`removeTree`).
 *
 * @throws TsmanError LAYER_INVALID, LAYER_LIMIT, DIGEST_MISMATCH, DISK_FULL, PREFLIGHT_*,
 * INTERRUPTED; or whatever `source` throws
 */
export async function unpackLayer(options: UnpackLayerOptions): Promise<UnpackedLayer> {
  const { diffId, mediaType, signal } = options;
  const context = `unpack layer sha256:${shortDigest(diffId)}`;
  if (layerCompression(mediaType) === undefined) {
    throw new TsmanError("LAYER_INVALID", `${context}: ${mediaType} is not a layer's media type`);
  }
  if (signal?.aborted === true) throw interrupted(context, signal);
  await adoptDirectory(options);
  const answer = await runWorker(options, context);
  if (answer.outcome === "failed") {
    const { code, message, hint, details } = answer;
    throw new TsmanError(code, `${context}: ${message}`, { hint, details: { ...details, diffId } });
  }
  const actual = diffIdFromHex(answer.sha256);
  if (actual !== diffId) {
    throw new TsmanError(
      "DIGEST_MISMATCH",
      `${context}: its diffID is ${actual}, the image config says ${diffId}`,
      { details: { expected: diffId, actual } },
    );
  }
  const { entries, bytes, compressedBytes, droppedXattrs, lostOwners, opaqueRoot } = answer;
  return {
    diffId,
    entries,
    bytes,
    compressedBytes,
    skippedDevices: answer.devices,
    droppedXattrs,
    lostOwners,
    impliedDirectories: answer.impliedDirectories,
    opaqueRoot,
  };
}

/**
 * As root the caller is not in the mapping (architecture.md, section 3), and root of the namespace
 * has no power over files of ids that it lacks: the directory must be its own.
 */
async function adoptDirectory({ targetDir, mapping }: UnpackLayerOptions): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  await chown(targetDir, outsideRoot(mapping.uid), outsideRoot(mapping.gid));
}

function outsideRoot(entries: readonly IdMapEntry[]): number {
  const entry = entries.find(({ inside }) => inside === 0);
  if (entry === undefined) {
    throw new TsmanError("INTERNAL", "unpack a layer with an id mapping that has no 0");
  }
  return entry.outside;
}

async function runWorker(options: UnpackLayerOptions, context: string): Promise<UnpackAnswer> {
  const worker = startWorker(options);
  const ended = Promise.withResolvers<WorkerEnd>();
  const said = collect(worker.stdio[answerFd] as NodeJS.ReadableStream, maxAnswerBytes);
  const complaint = collect(worker.stdio[2] as NodeJS.ReadableStream, 64 * 1024);
  let failure: { readonly error: unknown } | undefined;
  const stop = (error: unknown): void => {
    failure ??= { error };
    worker.kill("SIGKILL");
    // Should a process between us and the worker have been killed instead, this ends the worker.
    worker.stdin?.destroy();
  };
  const { signal } = options;
  const onAbort = (): void => stop(interrupted(context, signal));
  signal?.addEventListener("abort", onAbort, { once: true });
  worker.once("error", (error) => ended.reject(cannotStart(context, error)));
  // "close" comes after the last holder of the pipes is gone, "exit" may come before.
  worker.once("close", (status, killer) => ended.resolve({ status, killer }));
  // Not waited for: a source that stalls must not keep us from saying why the worker ended.
  feed(options, worker).catch(stop);
  try {
    const { status, killer } = await ended.promise;
    worker.stdin?.destroy();
    if (failure !== undefined) throw failure.error;
    const answer = parseUnpackAnswer(said());
    if (answer !== undefined) return answer;
    throw endedSilently(context, status, killer, complaint());
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

interface WorkerEnd {
  readonly status: number | null;
  readonly killer: NodeJS.Signals | null;
}

/**
 * MiB of heap before V8 cleans up thoroughly: buffers of a layer count there too, and would else
 * be the reason for a full collection every few milliseconds.
 */
const nodeOptions = ["--initial-old-space-size=128"];

function startWorker({ targetDir, mapping, limits }: UnpackLayerOptions): ChildProcess {
  const request: UnpackRequest = {
    limits: limits ?? defaultUnpackLimits,
    uids: mapping.uid.map(insideRange),
    gids: mapping.gid.map(insideRange),
  };
  const argv = [nodeProgram(), ...nodeOptions, unpackWorkerEntry(), JSON.stringify(request)];
  return spawnInUserns(mapping, argv, {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    // Inherited, not named: root of the namespace may not be able to walk the path.
    cwd: targetDir,
  });
}

function insideRange({ inside, count }: IdMapEntry): IdRange {
  return { first: inside, count };
}

/** Hands the source to the worker; returns early when the worker takes no more. */
async function feed(
  { source, onProgress }: UnpackLayerOptions,
  { stdin }: ChildProcess,
): Promise<void> {
  if (stdin === null) return;
  let wake: (() => void) | undefined;
  // EPIPE: the worker refused the layer, and its answer says why.
  stdin.on("error", () => wake?.());
  stdin.on("close", () => wake?.());
  stdin.on("drain", () => wake?.());
  let total = 0;
  for await (const chunk of source) {
    if (stdin.destroyed) return;
    if (!stdin.write(chunk)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    total += chunk.length;
    onProgress?.(total);
  }
  stdin.end();
}

/** Collects text up to a limit; more is cut off. */
function collect(stream: NodeJS.ReadableStream, maxBytes: number): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    if (size < maxBytes) chunks.push(chunk);
    size += chunk.length;
  });
  stream.on("error", () => undefined);
  return () => Buffer.concat(chunks).subarray(0, maxBytes).toString("utf8");
}

function interrupted(context: string, signal: AbortSignal | undefined): TsmanError {
  return new TsmanError("INTERRUPTED", `${context}: interrupted`, { cause: signal?.reason });
}

function cannotStart(context: string, error: Error): TsmanError {
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${context}: start the unpack worker: ${error.message}`,
    {
      hint: "build tsman's native program: bin/setup",
      cause: error,
    },
  );
}

function endedSilently(
  context: string,
  status: number | null,
  killer: NodeJS.Signals | null,
  complaint: string,
): TsmanError {
  const how = killer === null ? `ended with status ${status}` : `was ended by ${killer}`;
  const closed = forbiddenExecution.test(complaint) ? closedDirectory(nodeProgram()) : undefined;
  if (closed !== undefined) return installationClosed(context, closed);
  const said = complaint.trim().slice(-1000);
  return new TsmanError(
    "RUNTIME_FAILED",
    `${context}: the unpack worker ${how}${said === "" ? "" : `: ${said}`}`,
    { details: { ...(status === null ? {} : { status }), ...(killer === null ? {} : { killer }) } },
  );
}

/** What `tsman-native userns` says when the worker's ids may not execute (EACCES) its program. */
const forbiddenExecution = /^tsman-native: userns: execute .* \(errno 13\)/m;

/** The topmost directory on the way to a file that is closed to everybody but owner and group. */
function closedDirectory(file: string): string | undefined {
  const parent = path.dirname(file);
  if (parent === file) return undefined;
  return closedDirectory(parent) ?? ((statSync(parent).mode & 0o001) === 0 ? parent : undefined);
}

/**
 * The worker has ids of the container only.  The caller's rights are not among them where the
 * caller is not mapped: root, and `--userns=nomap`.
 */
function installationClosed(context: string, directory: string): TsmanError {
  return new TsmanError(
    "PREFLIGHT_HELPER",
    `${context}: start the unpack worker: the container's ids may not enter ${directory}`,
    {
      hint: `install tsman where every user can read it, such as /opt; or: chmod o+x ${directory}`,
      details: { path: directory },
    },
  );
}
