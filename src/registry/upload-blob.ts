import { setTimeout as delay } from "node:timers/promises";
import { isTsmanError, TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDigest } from "../oci/digest.ts";
import { type BlobOpener, BlobReader, SourceError } from "./blob-reader.ts";
import { RetryableError } from "./failure.ts";
import type { Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

/** What {@link uploadBlob} takes besides the descriptor. */
export interface UploadOptions {
  readonly open: BlobOpener;
  /** Whether `open` may be called again; without that a broken upload is an error.  Default true. */
  readonly isRepeatable?: boolean | undefined;
  /** Where an upload that the registry has begun already goes on: {@link mountBlob}. */
  readonly begun?: URL | undefined;
  /** Bytes of a request, once one with all of them was too large; default 32 MiB. */
  readonly chunkBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a registry says about a blob that it is asked to take from another repository. */
export type MountResult =
  | { readonly isMounted: true }
  /** It wants the bytes instead, and has begun an upload for them. */
  | { readonly isMounted: false; readonly begun?: URL | undefined };

/** Up to this size a blob goes in one request, and from the start again if that breaks; bytes. */
const monolithicBytes = 4 * 1024 * 1024;
/** Default of {@link UploadOptions.chunkBytes}; Cloudflare, say, takes 100 MB. */
const defaultChunkBytes = 32 * 1024 * 1024;
/** Progress that renews the patience; bytes. */
const renewingBytes = 64 * 1024;
/** Milliseconds for what a registry does at the end of an upload: some copy the blob then. */
const completionMs = 300_000;
/** Milliseconds that are spent on telling a registry that an upload was given up. */
const cancellationMs = 2_000;

/** A range of what an upload has, from 0; distribution-spec, "Pushing a blob in chunks". */
const uploadRange = /^(?:bytes=)?0-(\d{1,15})$/;

/**
 * Whether the repository has a blob.  A registry that does not say is taken to lack it: it is then
 * sent, which is never wrong.
 *
 * @throws TsmanError REGISTRY_*
 */
export async function hasBlob(
  session: Session,
  { digest, size }: Descriptor,
  signal?: AbortSignal,
): Promise<boolean> {
  const what = `look up blob ${parseDigest(digest, "digest of a blob")} in ${session.name}`;
  const look = async (): Promise<boolean> => {
    const response = await session.request({
      method: "HEAD",
      path: `blobs/${digest}`,
      // Registries that know no HEAD, or not for blobs, answer one of these.
      expect: [200, 400, 404, 405, 501],
      what,
      signal,
    });
    await response.discard();
    if (response.status !== 200) return false;
    const length = response.header("content-length");
    // Another length is another blob, or none: a redirect to an error page that says 200.
    return length === undefined || Number(length) === size;
  };
  return await unlessDenied(session.repeat(what, digest, look), false);
}

/**
 * Asks for a blob to be taken over from another repository of the same registry;
 * distribution-spec, "Mounting a blob from another repository".
 *
 * @param from `library/alpine`
 * @throws TsmanError REGISTRY_* for a repository that cannot be pushed to at all
 */
export async function mountBlob(
  session: Session,
  { digest }: Descriptor,
  from: string,
  signal?: AbortSignal,
): Promise<MountResult> {
  const what = `mount blob ${parseDigest(digest, "digest of a blob")} from ${from} in ${session.name}`;
  const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const mount = async (): Promise<MountResult> => {
    const response = await session.request({
      method: "POST",
      path: `blobs/uploads/?${query}`,
      headers: { "content-length": "0" },
      alsoReads: from,
      // Whose registry mounts nothing sends the blob.
      expect: [201, 202, 400, 404, 405, 501],
      what,
      signal,
    });
    await response.discard();
    if (response.status === 201) return { isMounted: true };
    if (response.status !== 202) return { isMounted: false };
    return { isMounted: false, begun: await session.locationOf(response) };
  };
  return await unlessDenied(session.repeat(what, digest, mount), { isMounted: false });
}

/** What is not allowed is not needed either: if nothing is allowed, the upload will say so. */
async function unlessDenied<T>(question: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await question;
  } catch (error) {
    if (isTsmanError(error, "REGISTRY_DENIED") || isTsmanError(error, "REGISTRY_AUTH")) {
      return otherwise;
    }
    throw error;
  }
}

/**
 * Sends a blob, hashed on its way; what was damaged at our end is not completed.
 *
 * What breaks goes on where the registry says that it stopped.
 *
 * @throws TsmanError DIGEST_MISMATCH, SIZE_MISMATCH, REGISTRY_*, INTERRUPTED; what the source threw
 *   is thrown as it is
 */
export async function uploadBlob(
  session: Session,
  descriptor: Descriptor,
  options: UploadOptions,
): Promise<void> {
  await new BlobUpload(session, descriptor, options).run();
}

/** Tells the registry that nothing more comes; a failure to do so is no news. */
export async function cancelUpload(session: Session, location: URL): Promise<void> {
  const cancelled = session
    .request({
      method: "DELETE",
      path: location,
      expect: [204, 200, 202, 404],
      what: "cancel an upload",
      signal: AbortSignal.timeout(cancellationMs),
    })
    .then((response) => response.discard())
    .catch(() => undefined);
  await Promise.race([cancelled, delay(cancellationMs, undefined, { ref: false })]);
}

class BlobUpload {
  readonly #session: Session;
  readonly #descriptor: Descriptor;
  readonly #options: UploadOptions;
  readonly #what: string;
  /** Where the next bytes go; undefined before the registry has said so. */
  #location: URL | undefined;
  /** Bytes that the registry has confirmed. */
  #confirmed = 0;
  /** Bytes of one request; undefined: all that are left. */
  #chunkBytes: number | undefined;
  /** OCI-Chunk-Min-Length. */
  #minimumBytes = 0;
  #isFirstAttempt = true;

  constructor(session: Session, descriptor: Descriptor, options: UploadOptions) {
    this.#session = session;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#location = options.begun;
    this.#what = `send blob ${parseDigest(descriptor.digest, "digest of a blob")} to ${session.name}`;
  }

  async run(): Promise<void> {
    const { digest } = this.#descriptor;
    const { open, signal } = this.#options;
    const retrier = this.#session.retrier(digest, signal);
    await using reader = new BlobReader(this.#descriptor, open, this.#what);
    for (;;) {
      const before = this.#confirmed;
      try {
        if (!this.#isFirstAttempt && (await this.#isThereNow())) break;
        await this.#attempt(reader);
        break;
      } catch (error) {
        if (error instanceof SourceError) {
          await this.#giveUp();
          throw error.cause;
        }
        this.#isFirstAttempt = false;
        if (this.#confirmed - before >= renewingBytes) retrier.progressed();
        try {
          if (this.#options.isRepeatable === false) throw error;
          await retrier.waitAfter(error);
        } catch (last) {
          await this.#giveUp();
          throw await this.#session.reportable(last, this.#what, signal);
        }
      }
    }
  }

  /** The answer to a completed upload may be what was lost. */
  async #isThereNow(): Promise<boolean> {
    return await hasBlob(this.#session, this.#descriptor, this.#options.signal);
  }

  async #attempt(reader: BlobReader): Promise<void> {
    const { size } = this.#descriptor;
    if (this.#location !== undefined && !this.#isFirstAttempt) await this.#locate();
    this.#location ??= await this.#begin();
    const isSmall = size <= monolithicBytes;
    if (!isSmall) await this.#sendRest(reader);
    await this.#complete(reader, isSmall ? size : 0);
  }

  async #begin(): Promise<URL> {
    this.#confirmed = 0;
    const response = await this.#session.request({
      method: "POST",
      path: "blobs/uploads/",
      headers: { "content-length": "0" },
      expect: [202],
      what: this.#what,
      signal: this.#options.signal,
    });
    await response.discard();
    const location = await this.#session.locationOf(response);
    if (location === undefined) throw this.#noLocation(response);
    this.#minimumBytes = Number(response.header("oci-chunk-min-length") ?? 0);
    return location;
  }

  /** Finds out how much of a broken upload has arrived; none of it if the registry does not say. */
  async #locate(): Promise<void> {
    const location = this.#location;
    this.#location = undefined;
    if (location === undefined || this.#descriptor.size <= monolithicBytes) {
      this.#confirmed = 0;
      if (location !== undefined) await cancelUpload(this.#session, location);
      return;
    }
    const response = await this.#session.request({
      method: "GET",
      path: location,
      expect: [200, 202, 204, 400, 404, 405, 501],
      what: this.#what,
      signal: this.#options.signal,
    });
    await response.discard();
    const has = response.status === 204 ? confirmedBytes(response) : undefined;
    if (has === undefined || has > this.#descriptor.size) {
      this.#confirmed = 0;
      return;
    }
    this.#confirmed = has;
    this.#location = (await this.#session.locationOf(response)) ?? location;
  }

  /** PATCH after PATCH, of which one is enough for most. */
  async #sendRest(reader: BlobReader): Promise<void> {
    const { size } = this.#descriptor;
    while (this.#confirmed < size) {
      const start = this.#confirmed;
      const length = Math.min(size - start, this.#chunkBytes ?? size);
      await reader.seek(start);
      const response = await this.#sendBody(reader, length, {
        method: "PATCH",
        path: this.#location as URL,
        headers: {
          // Registries that know no chunks take a single one all the same, if it is not called so.
          ...((start > 0 || length < size) && {
            "content-range": `${start}-${start + length - 1}`,
          }),
        },
        expect: [202, 201, 204, 413, 416, 404],
      });
      await response.discard();
      if (response.status === 413) this.#makeSmaller(length, response);
      else if (response.status >= 400) throw this.#lost(response);
      else await this.#advance(start, length, response);
    }
  }

  async #advance(start: number, length: number, response: HttpResponse): Promise<void> {
    this.#location = (await this.#session.locationOf(response)) ?? this.#location;
    const has = confirmedBytes(response);
    // A registry that says nothing has taken all of it.
    const end = has !== undefined && has > start ? has : start + length;
    // One that takes a byte at a time would have the rest sent as often as it has bytes.
    const isTooLittle = end < start + length && end - start < renewingBytes;
    if (end > start + length || isTooLittle) throw this.#lost(response);
    this.#confirmed = end;
  }

  /** A proxy takes no body of this length: several shorter ones may do. */
  #makeSmaller(length: number, response: HttpResponse): void {
    const smaller = Math.max(this.#options.chunkBytes ?? defaultChunkBytes, this.#minimumBytes);
    if (length <= smaller || this.#options.isRepeatable === false) {
      throw new TsmanError(
        "REGISTRY_DENIED",
        `${this.#what}: that is more than ${response.url.host} accepts`,
        {
          hint: `ask for a larger quota of ${this.#session.name}, or for a larger limit of a proxy before ${response.url.host}`,
          details: { host: response.url.host, status: 413 },
        },
      );
    }
    this.#chunkBytes = smaller;
  }

  /** The last request, which names the digest; with the bytes of a small blob in it. */
  async #complete(reader: BlobReader, length: number): Promise<void> {
    const url = new URL(this.#location as URL);
    // Appended by hand: what the registry keeps in its query must come back as it was.
    const digest = `digest=${encodeURIComponent(this.#descriptor.digest)}`;
    url.search = url.search === "" ? digest : `${url.search}&${digest}`;
    await reader.seek(length === 0 ? this.#descriptor.size : 0);
    if (length === 0) await reader.verify();
    const response = await this.#sendBody(reader, length, {
      method: "PUT",
      path: url,
      headers: {},
      expect: [201, 204, 404, 416],
    });
    await response.discard();
    if (response.status >= 400) throw this.#lost(response);
    this.#location = undefined;
  }

  /** Sends `length` bytes from where the reader is, and breaks off when nobody takes them. */
  async #sendBody(
    reader: BlobReader,
    length: number,
    request: {
      readonly method: "PATCH" | "PUT";
      readonly path: URL;
      readonly headers: Readonly<Record<string, string>>;
      readonly expect: readonly number[];
    },
  ): Promise<HttpResponse> {
    using watch = new StallWatch(this.#session.stallMs, this.#what, this.#session.name);
    const signals = [watch.signal, this.#options.signal ?? this.#session.signal];
    const start = reader.offset;
    let failure: SourceError | undefined;
    let isOver = false;
    /** The reader serves one request at a time, and an answer may come before the body was taken. */
    let reading: Promise<unknown> = Promise.resolve();
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        // A request that has to be made again, after a challenge, starts anew.
        await reader.seek(start);
        const pieces = reader.take(length);
        while (!isOver) {
          const next = pieces.next();
          reading = next.catch(() => undefined);
          const { value: piece } = await next;
          if (piece === undefined) return;
          watch.given();
          yield piece;
          watch.taken();
        }
      } catch (error) {
        if (error instanceof SourceError) failure = error;
        throw error;
      } finally {
        watch.taken();
      }
    }
    try {
      return await this.#session.request({
        ...request,
        headers: {
          ...request.headers,
          "content-type": "application/octet-stream",
          "content-length": String(length),
        },
        body: length === 0 ? undefined : body,
        what: this.#what,
        patienceMs: completionMs,
        signal: AbortSignal.any(signals.filter((each) => each !== undefined)),
      });
    } catch (error) {
      // What the client makes of it when a body cannot be read is its own affair.
      throw failure ?? error;
    } finally {
      isOver = true;
      await reading;
    }
  }

  async #giveUp(): Promise<void> {
    const location = this.#location;
    this.#location = undefined;
    if (location !== undefined) await cancelUpload(this.#session, location);
  }

  #noLocation(response: HttpResponse): TsmanError {
    return new TsmanError(
      "REGISTRY_RESPONSE",
      `${this.#what}: ${response.url.host} begins an upload but does not say where it goes on`,
      { hint: "the registry, or a proxy before it, is set up wrongly: tell its administrator" },
    );
  }

  /** The registry does not know the upload any more, or has other bytes of it than we think. */
  #lost(response: HttpResponse): RetryableError {
    return new RetryableError(
      new TsmanError(
        "REGISTRY_RESPONSE",
        `${this.#what}: ${response.url.host} has lost the upload (status ${response.status})`,
        {
          hint: "several registries behind one address must share their storage and their http.secret",
          details: { host: response.url.host, status: response.status },
        },
      ),
    );
  }
}

/** How many bytes an upload has; undefined if the registry does not say, or says "none" like "one". */
function confirmedBytes(response: HttpResponse): number | undefined {
  const last = uploadRange.exec(response.header("range") ?? "")?.[1];
  return last === undefined || last === "0" ? undefined : Number(last) + 1;
}

/** Breaks a request off whose body nobody takes. */
class StallWatch implements Disposable {
  readonly #controller = new AbortController();
  readonly #stallMs: number;
  readonly #error: RetryableError;
  #timer: NodeJS.Timeout | undefined;

  constructor(stallMs: number, what: string, host: string) {
    this.#stallMs = stallMs;
    this.#error = new RetryableError(
      new TsmanError(
        "REGISTRY_UNREACHABLE",
        `${what}: ${host} takes no more: the transfer stalled`,
        {
          hint: "check the network (and https_proxy, if there is a proxy) and push again",
        },
      ),
    );
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A piece was handed out: it must be taken in time. */
  given(): void {
    this.#timer ??= setTimeout(() => this.#controller.abort(this.#error), this.#stallMs);
  }

  taken(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  [Symbol.dispose](): void {
    this.taken();
  }
}
