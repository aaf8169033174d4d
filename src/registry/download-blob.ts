import { createHash, type Hash } from "node:crypto";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { digestFromHex, parseDigest, shortDigest } from "../oci/digest.ts";
import { contentLength, requirePlainEncoding } from "./body.ts";
import { RetryableError } from "./failure.ts";
import type { Retrier } from "./retry.ts";
import type { Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

/**
 * Takes the bytes of a blob in order, each once.  The next chunk comes when the promise, if one is
 * returned, has resolved.  Bytes are not verified before the download has ended without an error.
 */
export type BlobSink = (chunk: Uint8Array) => void | Promise<void>;

/** What {@link downloadBlob} takes besides the descriptor. */
export interface DownloadOptions {
  readonly sink: BlobSink;
  /**
   * The beginning of the blob, kept from an interrupted download.  It is read and hashed here but
   * not given to the sink; what follows is asked for by Range.
   */
  readonly resumeFrom?: AsyncIterable<Uint8Array> | Iterable<Uint8Array> | undefined;
  /** Bytes that are there so far, of the descriptor's size. */
  readonly onProgress?: ((current: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An attempt that brought this much renews the patience; a byte at a time does not. */
const renewingBytes = 64 * 1024;

/** Bytes between two calls of onProgress. */
const progressStep = 256 * 1024;

/**
 * Downloads one blob through `sink` and verifies its size and digest.
 *
 * A connection that breaks or stalls is made anew and goes on where it stopped, by Range, or by
 * skipping what is there if the registry knows no ranges.
 *
 * @throws TsmanError DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_*, INTERRUPTED; what `sink` threw is
 *   thrown as it is.  After DIGEST_MISMATCH with `details.isResumed` the kept beginning may be what
 *   is wrong: throw it away and download anew.
 */
export async function downloadBlob(
  session: Session,
  descriptor: Descriptor,
  options: DownloadOptions,
  findOther?: FindOther,
): Promise<void> {
  await new BlobDownload(session, descriptor, options, findOther).run();
}

/** Another repository that has the blob, when one has failed for good: the rest comes from there. */
export type FindOther = (error: unknown) => Session | undefined;

/** Carries a sink's own failure past the retries. */
class SinkError extends Error {
  override readonly name = "SinkError";
}

class BlobDownload {
  #session: Session;
  readonly #findOther: FindOther | undefined;
  readonly #descriptor: Descriptor;
  readonly #options: DownloadOptions;
  #what: string;
  readonly #hash: Hash = createHash("sha256");
  /** Bytes that are there and hashed. */
  #offset = 0;
  #reported = 0;
  /** Bytes that were there before this download. */
  #kept = 0;
  #usesRanges = true;

  constructor(
    session: Session,
    descriptor: Descriptor,
    options: DownloadOptions,
    findOther: FindOther | undefined,
  ) {
    this.#session = session;
    this.#findOther = findOther;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#what = `fetch blob ${descriptor.digest} of ${session.name}`;
    parseDigest(descriptor.digest, "digest of a blob");
  }

  async run(): Promise<void> {
    const { size, digest } = this.#descriptor;
    const { resumeFrom, signal } = this.#options;
    if (resumeFrom !== undefined) await this.#takeKept(resumeFrom);
    let retrier = this.#session.retrier(digest, signal);
    while (this.#offset < size) {
      const before = this.#offset;
      try {
        await this.#transfer();
      } catch (error) {
        if (error instanceof SinkError) throw error.cause;
        if (this.#offset - before >= renewingBytes) retrier.progressed();
        retrier = await this.#goOnAfter(error, retrier);
      }
    }
    const actual = digestFromHex(this.#hash.digest("hex"));
    if (actual !== digest) throw this.#mismatch(actual);
    this.#options.onProgress?.(size, size);
  }

  /** Waits for the next attempt, here or elsewhere. */
  async #goOnAfter(error: unknown, retrier: Retrier): Promise<Retrier> {
    try {
      await retrier.waitAfter(error);
      return retrier;
    } catch (last) {
      const { signal } = this.#options;
      const final = await this.#session.reportable(last, this.#what, signal);
      const other = this.#findOther?.(final);
      if (other === undefined) throw final;
      this.#session = other;
      this.#what = `fetch blob ${this.#descriptor.digest} of ${other.name}`;
      this.#usesRanges = true;
      return other.retrier(this.#descriptor.digest, signal);
    }
  }

  async #takeKept(kept: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    for await (const chunk of kept) {
      this.#hash.update(chunk);
      this.#offset += chunk.length;
      if (this.#offset > this.#descriptor.size) break;
    }
    this.#kept = this.#offset;
    if (this.#offset > this.#descriptor.size) {
      throw new TsmanError(
        "DIGEST_MISMATCH",
        `${this.#what}: more than its ${this.#descriptor.size} bytes were kept from an earlier download`,
        { details: { isResumed: true } },
      );
    }
  }

  /** One request and as much of its body as arrives. */
  async #transfer(): Promise<void> {
    const { digest } = this.#descriptor;
    const asksRange = this.#offset > 0 && this.#usesRanges;
    const response = await this.#session.request({
      method: "GET",
      path: `blobs/${digest}`,
      headers: { ...(asksRange && { range: `bytes=${this.#offset}-` }) },
      expect: asksRange ? [200, 206, 416] : [200],
      what: this.#what,
      signal: this.#options.signal,
    });
    try {
      await requirePlainEncoding(response, this.#what);
      const skip = this.#startOf(response, asksRange);
      await this.#receive(response, skip);
    } finally {
      await response.discard();
    }
  }

  /**
   * Bytes at the start of the body that are there already.
   *
   * @throws RetryableError to ask again without Range, if the answer does not fit the question
   */
  #startOf(response: HttpResponse, asksRange: boolean): number {
    const { size } = this.#descriptor;
    const length = contentLength(response);
    if (!asksRange || response.status === 200) {
      if (length !== undefined && length !== size) throw this.#wrongSize(length);
      return this.#offset;
    }
    const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(
      response.header("content-range") ?? "",
    );
    const fits =
      response.status === 206 &&
      Number(range?.[1]) === this.#offset &&
      Number(range?.[2]) === size - 1 &&
      (range?.[3] === "*" || Number(range?.[3]) === size);
    if (fits) return 0;
    this.#usesRanges = false;
    throw new RetryableError(
      new TsmanError(
        "REGISTRY_RESPONSE",
        `${this.#what}: ${response.url.host} answers a request for the rest with something else`,
      ),
    );
  }

  async #receive(response: HttpResponse, skip: number): Promise<void> {
    const { size } = this.#descriptor;
    const { sink } = this.#options;
    let left = skip;
    for await (const received of response.body) {
      let chunk = received;
      if (left > 0) {
        const already = Math.min(left, chunk.length);
        left -= already;
        chunk = chunk.subarray(already);
        if (chunk.length === 0) continue;
      }
      if (this.#offset + chunk.length > size) throw this.#wrongSize(undefined);
      this.#hash.update(chunk);
      this.#offset += chunk.length;
      try {
        const written = sink(chunk);
        if (written !== undefined) await written;
      } catch (error) {
        throw new SinkError("the sink failed", { cause: error });
      }
      if (this.#offset - this.#reported >= progressStep) this.#report();
    }
    if (this.#offset < size) {
      throw new RetryableError(
        new TsmanError(
          "SIZE_MISMATCH",
          `${this.#what}: the connection ended after ${this.#offset} of ${size} bytes`,
          { hint: "pull again: it resumes" },
        ),
      );
    }
  }

  #report(): void {
    this.#reported = this.#offset;
    this.#options.onProgress?.(this.#offset, this.#descriptor.size);
  }

  #wrongSize(length: number | undefined): TsmanError {
    const { size } = this.#descriptor;
    const sent = length === undefined ? `more than ${size}` : String(length);
    return new TsmanError(
      "SIZE_MISMATCH",
      `${this.#what}: the registry sends ${sent} bytes, the manifest promises ${size}`,
      { hint: "the image is damaged in the registry: push it again", details: { size } },
    );
  }

  #mismatch(actual: string): TsmanError {
    const { digest } = this.#descriptor;
    return new TsmanError("DIGEST_MISMATCH", `${this.#what}: what arrived is ${actual}`, {
      hint: "the blob is damaged in the registry or on the way: pull again, or push the image again",
      details: { expected: digest, actual, isResumed: this.#kept > 0 },
    });
  }
}

/**
 * Downloads a small blob into memory, verified.
 *
 * @throws TsmanError as {@link downloadBlob}; SIZE_MISMATCH before anything is asked for if the
 *   descriptor promises more than `maxBytes`
 */
export async function fetchBlob(
  session: Session,
  descriptor: Descriptor,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<Buffer> {
  if (descriptor.size > maxBytes) {
    throw new TsmanError(
      "SIZE_MISMATCH",
      `fetch blob ${shortDigest(descriptor.digest)} of ${session.name}: its descriptor promises ${descriptor.size} bytes, ${maxBytes} are allowed`,
    );
  }
  const chunks: Uint8Array[] = [];
  const sink = (chunk: Uint8Array) => {
    chunks.push(chunk);
  };
  await downloadBlob(session, descriptor, { sink, signal });
  return Buffer.concat(chunks);
}
