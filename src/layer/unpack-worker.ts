import { closeSync, constants, openSync } from "node:fs";
import { TsmanError } from "../errors/index.ts";
import { type DiffId, shortDigest } from "../oci/digest.ts";
import { layerCompression } from "../oci/media-types.ts";
import { toFileError } from "../platform/errno.ts";
import { nodeProgram, unpackWorkerEntry } from "../platform/native.ts";
import type { ChildProcess } from "../platform/process.ts";
import { type IdMapEntry, spawnInUserns, type UsernsMaps } from "../platform/userns.ts";
import { closedDirectories } from "./closed-directories.ts";
import { defaultUnpackLimits, type UnpackLimits } from "./limits.ts";
import { toUnpackedLayer, type UnpackedLayer } from "./unpacked-layer.ts";
import { cannotStart, endedSilently, interrupted } from "./worker-failure.ts";
import {
  frameHead,
  type IdRange,
  type InheritRequest,
  type LayerRequest,
  maxAnswerBytes,
  parseUnpackAnswer,
  type UnpackAnswer,
  type WorkerOrder,
} from "./worker-protocol.ts";

/** What {@link UnpackWorker.start} takes. */
export interface WorkerOptions {
  /**
   * Existing directories: empty ones of the container's root, one for each layer to come, or layers
   * to inherit from.
   */
  readonly directories: readonly string[];
  /** The ids that the layers' files are written with. */
  readonly mapping: UsernsMaps;
}

/** What {@link UnpackWorker.unpack} takes. */
export interface UnpackOptions {
  /** Position in {@link WorkerOptions.directories}; each can be used once. */
  readonly directory: number;
  /** The layer as the registry holds it.  Whoever reads it there checks its digest and size. */
  readonly source: AsyncIterable<Uint8Array>;
  /** Of the layer's descriptor. */
  readonly mediaType: string;
  /** What the uncompressed archive must hash to; of the image config. */
  readonly diffId: DiffId;
  readonly limits?: UnpackLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes of `source` that the worker has taken so far. */
  readonly onProgress?: ((compressedBytes: number) => void) | undefined;
}

/**
 * MiB for young objects, each of which may be the handle of a buffer: V8 sees only what they take
 * themselves, so a small room for them is what bounds the memory of a worker.
 */
const nodeOptions = ["--max-semi-space-size=1"];

/**
 * Unpacks layers, one after the other, each in one streaming pass: decompress → sha256 (diffID) →
 * tar → files.
 *
 * The work is done by a second Node, which is root of a user namespace with `mapping` – owners of
 * subordinate ids can be written only there – and which makes a layer's directory its root before
 * it reads the first byte of the layer.
 */
export class UnpackWorker implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #complaint: () => string;
  readonly #closed = Promise.withResolvers<void>();
  /** The layer that is being unpacked. */
  #current: { readonly context: string; readonly answer: (line: Answer) => void } | undefined;
  /** Why it can unpack no more. */
  #end: ((context: string) => unknown) | undefined;
  /** Continues to feed the worker: it takes more, or is gone. */
  #wake: (() => void) | undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#complaint = collect(child.stdio[2] as NodeJS.ReadableStream, 64 * 1024);
    readLines(child.stdio[3] as NodeJS.ReadableStream, (line) => this.#onAnswer(line));
    child.once("error", (error) => {
      this.#onEnd((context) => cannotStart(context, error));
    });
    // "close" comes after the last holder of the pipes is gone, "exit" may come before.
    child.once("close", (status, killer) => {
      const complaint = this.#complaint();
      this.#onEnd((context) => endedSilently(context, status, killer, complaint));
    });
    const wake = (): void => this.#wake?.();
    // EPIPE: the worker refused the layer, and its answer says why.
    child.stdin?.on("error", wake).on("close", wake).on("drain", wake);
  }

  /**
   * Starts a worker; that it cannot run is said by the first {@link unpack}.
   *
   * @throws TsmanError when a directory cannot be opened
   */
  static start({ directories, mapping }: WorkerOptions): UnpackWorker {
    const order: WorkerOrder = {
      directories: directories.length,
      uids: mapping.uid.map(insideRange),
      gids: mapping.gid.map(insideRange),
    };
    const argv = [nodeProgram(), ...nodeOptions, unpackWorkerEntry(), JSON.stringify(order)];
    const opened: number[] = [];
    try {
      for (const directory of directories) opened.push(openDirectory(directory));
      const child = spawnInUserns(mapping, argv, {
        stdio: ["pipe", "ignore", "pipe", "pipe", ...opened],
        cwd: "/",
        isWorker: true,
        covered: closedDirectories(mapping),
      });
      return new UnpackWorker(child);
    } finally {
      for (const fd of opened) closeSync(fd);
    }
  }

  /** Whether another layer may be given to it: it has refused none. */
  get isUsable(): boolean {
    return this.#end === undefined;
  }

  /**
   * Unpacks one layer; not two at a time.
   *
   * When this rejects, the worker is gone: nothing writes into the directory any more and the
   * caller can remove it (`removeTree`).
   *
   * @throws TsmanError LAYER_INVALID, LAYER_LIMIT, DIGEST_MISMATCH, DISK_FULL, PREFLIGHT_*,
   * INTERRUPTED; or whatever `source` throws
   */
  async unpack(options: UnpackOptions): Promise<UnpackedLayer> {
    const { diffId, mediaType, signal } = options;
    const context = `unpack layer sha256:${shortDigest(diffId)}`;
    try {
      if (layerCompression(mediaType) === undefined) {
        throw new TsmanError(
          "LAYER_INVALID",
          `${context}: ${mediaType} is not a layer's media type`,
        );
      }
      if (signal?.aborted === true) throw interrupted(context, signal);
      const { directory, limits = defaultUnpackLimits, ...conversation } = options;
      const request: LayerRequest = { directory, limits };
      return toUnpackedLayer(
        await this.#ask({ ...conversation, request }, context),
        diffId,
        context,
      );
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Gives directories of a layer the attributes that they have in the layers below it: those that
   * its archive only implied.
   *
   * @param directory position of the layer
   * @param lowers positions of the layers below it, uppermost first
   * @param implied {@link UnpackedLayer.impliedDirectories}
   */
  async inherit(
    directory: number,
    lowers: readonly number[],
    implied: readonly string[],
  ): Promise<void> {
    const context = "copy attributes of directories from lower layers";
    try {
      const request: InheritRequest = { directory, lowers };
      const answer = await this.#ask({ request, source: [JSON.stringify(implied)] }, context);
      if (answer.outcome === "inherited") return;
      throw new TsmanError(
        "RUNTIME_FAILED",
        `${context}: ${"message" in answer && answer.message}`,
      );
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends the worker, whatever it is doing, and waits for its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end ??= (context) => new TsmanError("INTERNAL", `${context}: its worker was ended`);
    this.#child.kill("SIGKILL");
    // Should a process between us and the worker have been killed instead, this ends the worker.
    this.#child.stdin?.destroy();
    await this.#closed.promise;
  }

  async #ask(options: Conversation, context: string): Promise<UnpackAnswer> {
    if (this.#end !== undefined) {
      await this.#closed.promise;
      throw this.#end(context);
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#current = { context, answer: resolve };
    const { signal } = options;
    const onAbort = (): void => reject(interrupted(context, signal));
    signal?.addEventListener("abort", onAbort, { once: true });
    // Not waited for: a source that stalls must not keep us from saying why the worker ended.
    this.#feed(options).catch(reject);
    try {
      const answer = await promise;
      if ("error" in answer) throw answer.error;
      return answer.said;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#current = undefined;
    }
  }

  /** Hands the layer to the worker; returns early when the worker takes no more. */
  async #feed({ request, source, onProgress }: Conversation): Promise<void> {
    const { stdin } = this.#child;
    if (stdin === null) return;
    const write = (bytes: Uint8Array): boolean => {
      stdin.cork();
      stdin.write(frameHead(bytes.length));
      const hasRoom = bytes.length === 0 || stdin.write(bytes);
      stdin.uncork();
      return hasRoom;
    };
    write(Buffer.from(JSON.stringify(request)));
    let total = 0;
    for await (const piece of source) {
      const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
      if (stdin.destroyed) return;
      if (chunk.length === 0) continue;
      if (!write(chunk)) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      total += chunk.length;
      onProgress?.(total);
    }
    if (!stdin.destroyed) write(new Uint8Array());
  }

  #onAnswer(line: string): void {
    const said = parseUnpackAnswer(line);
    if (said !== undefined) this.#current?.answer({ said });
    // Its end will be told of the layer.
    else this.#child.kill("SIGKILL");
  }

  #onEnd(why: (context: string) => unknown): void {
    this.#end ??= why;
    this.#closed.resolve();
    const { context, answer } = this.#current ?? {};
    if (context !== undefined) answer?.({ error: why(context) });
    this.#wake?.();
  }
}

/** A request and what follows it. */
interface Conversation extends Pick<UnpackOptions, "signal" | "onProgress"> {
  readonly request: LayerRequest | InheritRequest;
  readonly source: AsyncIterable<Uint8Array> | readonly string[];
}

type Answer = { readonly said: UnpackAnswer } | { readonly error: unknown };

/** O_PATH, which Node lacks: a layer's root may be closed to the caller. */
const pathOnly = 0o10000000;

function openDirectory(directory: string): number {
  try {
    return openSync(directory, pathOnly | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    throw toFileError(error, `unpack a layer into ${directory}`);
  }
}

function insideRange({ inside, count }: IdMapEntry): IdRange {
  return { first: inside, count };
}

/** Calls `onLine` for every line, without its end; one that is too long is cut off. */
function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    let rest = chunk;
    for (let end = rest.indexOf(0x0a); ; end = rest.indexOf(0x0a)) {
      const piece = end < 0 ? rest : rest.subarray(0, end);
      if (size < maxAnswerBytes) chunks.push(piece);
      size += piece.length;
      if (end < 0) return;
      onLine(Buffer.concat(chunks).toString("utf8"));
      chunks = [];
      size = 0;
      rest = rest.subarray(end + 1);
    }
  });
  stream.on("error", () => undefined);
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
