import { isTsmanError, TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDigest } from "../oci/digest.ts";
import { hasBlob } from "./blob-presence.ts";
import { type BlobOpener, BlobReader, SourceError } from "./blob-reader.ts";
import { RetryableError } from "./failure.ts";
import { type BodyRequest, sendBody } from "./send-body.ts";
import type { Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";
import { cancelUpload, confirmedBytes } from "./upload-session.ts";

/** What {@link uploadBlob} takes besides the descriptor. */
export interface UploadOptions {
  readonly open: BlobOpener;
  /** Whether `open` may be called again; without that a broken upload is an error.  Default true. */
  readonly isRepeatable?: boolean | undefined;
  /** Where an upload that the registry has begun already goes on: {@link mountBlob}. */
  readonly begun?: URL | undefined;
  /** Bytes of a request, once one with all of them was too large; default 32 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Keeps, for a later process, where the upload of a larger blob goes on. */
  readonly note?: UploadNote | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What outlives the process that uploads a blob. */
export interface UploadNote {
  /** Where an earlier process was told to go on. */
  readonly location: string | undefined;
  write(location: string): void;
  /** There is nothing to go on with. */
  remove(): void;
}

/** Up to this size a blob goes in one request, and from the start again if that breaks; bytes. */
export const monolithicBytes = 4 * 1024 * 1024;
/** Default of {@link UploadOptions.chunkBytes}; Cloudflare, say, takes 100 MB. */
const defaultChunkBytes = 32 * 1024 * 1024;
/** Progress that renews the patience; bytes. */
const renewingBytes = 64 * 1024;
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
    await this.#recall();
    for (;;) {
      const before = this.#confirmed;
      try {
        if (!this.#isFirstAttempt && (await this.#isThereNow())) break;
        await this.#attempt(reader);
        break;
      } catch (error) {
        if (error instanceof SourceError) {
          if (!this.#isLeftOver()) await this.#giveUp();
          throw error.cause;
        }
        this.#isFirstAttempt = false;
        if (this.#confirmed - before >= renewingBytes) retrier.progressed();
        try {
          if (this.#options.isRepeatable === false) throw error;
          await retrier.waitAfter(error);
        } catch (last) {
          const reported = await this.#session.reportable(last, this.#what, signal);
          if (!this.#isLeftOver(reported)) await this.#giveUp();
          throw reported;
        }
      }
    }
  }

  get #isInterrupted(): boolean {
    return this.#options.signal?.aborted === true || this.#session.signal?.aborted === true;
  }

  /** Whether a later process may go on: after an interruption, or when the network is away. */
  #isLeftOver(error?: Error): boolean {
    if (this.#options.note === undefined) return false;
    return this.#isInterrupted || isTsmanError(error, "REGISTRY_UNREACHABLE");
  }

  /** Goes on with what an earlier process has begun, if the registry still knows it. */
  async #recall(): Promise<void> {
    const { note, signal } = this.#options;
    if (note?.location === undefined) return;
    const begun = this.#location;
    try {
      this.#location = await this.#session.notedLocation(note.location);
      await this.#locate();
    } catch (error) {
      if (this.#isInterrupted) throw await this.#session.reportable(error, this.#what, signal);
      // Whatever became of it: the blob is sent anew.
      this.#lose();
    }
    if (this.#location === undefined) {
      note.remove();
      this.#location = begun;
    } else if (begun !== undefined) await cancelUpload(this.#session, begun);
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
    this.#note(location);
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
      expect: [200, 202, 204, 400, 404, 405, 416, 501],
      what: this.#what,
      signal: this.#options.signal,
    });
    await response.discard();
    const has = response.status === 204 ? confirmedBytes(response) : undefined;
    if (has === undefined || has > this.#descriptor.size) return this.#lose();
    this.#confirmed = has;
    this.#location = (await this.#session.locationOf(response)) ?? location;
  }

  /** Nothing of it is left: it begins anew. */
  #lose(): void {
    this.#location = undefined;
    this.#confirmed = 0;
  }

  #note(location: URL): void {
    if (this.#descriptor.size > monolithicBytes) this.#options.note?.write(location.href);
  }

  /** PATCH after PATCH, of which one is enough for most. */
  async #sendRest(reader: BlobReader): Promise<void> {
    const { size } = this.#descriptor;
    while (this.#confirmed < size) {
      const start = this.#confirmed;
      const length = Math.min(size - start, this.#chunkBytes ?? size);
      await reader.seek(start);
      const response = await this.#send(reader, length, {
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
    if (end < this.#descriptor.size && this.#location !== undefined) this.#note(this.#location);
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
    const response = await this.#send(reader, length, {
      method: "PUT",
      path: url,
      headers: {},
      expect: [201, 204, 404, 416],
    });
    await response.discard();
    if (response.status >= 400) throw this.#lost(response);
    this.#location = undefined;
    this.#options.note?.remove();
  }

  async #send(
    reader: BlobReader,
    length: number,
    request: Omit<BodyRequest, "what" | "signal">,
  ): Promise<HttpResponse> {
    const { signal } = this.#options;
    return await sendBody(this.#session, reader, length, { ...request, what: this.#what, signal });
  }

  async #giveUp(): Promise<void> {
    const location = this.#location;
    this.#location = undefined;
    this.#options.note?.remove();
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
