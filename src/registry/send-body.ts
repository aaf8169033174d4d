import { TsmanError } from "../errors/index.ts";
import { type BlobReader, SourceError } from "./blob-reader.ts";
import { RetryableError } from "./failure.ts";
import type { ApiRequest, Session } from "./session.ts";
import type { HttpResponse } from "./transport.ts";

/** A request that carries a part of a blob. */
export interface BodyRequest extends Pick<ApiRequest, "expect" | "what" | "signal"> {
  readonly method: "PATCH" | "PUT";
  readonly path: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** Milliseconds for what a registry does at the end of an upload: some copy the blob then. */
const completionMs = 300_000;

/**
 * Sends `length` bytes from where the reader is, and breaks off when nobody takes them.
 *
 * @throws SourceError, RetryableError, and as `Session.request`
 */
export async function sendBody(
  session: Session,
  reader: BlobReader,
  length: number,
  request: BodyRequest,
): Promise<HttpResponse> {
  using watch = new StallWatch(session.stallMs, request.what, session.name);
  const signals = [watch.signal, request.signal ?? session.signal];
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
    return await session.request({
      ...request,
      headers: {
        ...request.headers,
        "content-type": "application/octet-stream",
        "content-length": String(length),
      },
      body: length === 0 ? undefined : body,
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
