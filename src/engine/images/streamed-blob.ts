import { once } from "node:events";
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { PassThrough } from "node:stream";
import { TsmanError } from "../../errors/index.ts";
import { toFileError } from "../../platform/errno.ts";
import type { ImageLayer } from "../../store/images.ts";
import type { Store } from "../../store/store.ts";
import { ConsumerGone, inFlight, type LayerSource } from "./layer-source.ts";
import type { BlobFetcher } from "./origin-client.ts";

/** What {@link streamedBlob} takes. */
export interface StreamOptions {
  readonly client?: BlobFetcher | undefined;
  readonly signal: AbortSignal;
}

/**
 * A blob that is being downloaded: every byte goes to the worker and, on the way, into the store's
 * partial file.  What an interrupted download has left comes first, from the file.
 *
 * The blob's lock must be held.
 */
export function streamedBlob(store: Store, layer: ImageLayer, options: StreamOptions): LayerSource {
  const toWorker = new PassThrough({ highWaterMark: inFlight });
  // The unpacking notices the same error; without a listener here it would end the process.
  toWorker.on("error", () => undefined);
  const abort = new AbortController();
  const signal = AbortSignal.any([options.signal, abort.signal]);
  const complete = download(store, layer, { ...options, signal }, toWorker).then(
    () => undefined,
    (error: unknown) => {
      toWorker.destroy(error instanceof Error ? error : new Error(String(error)));
      throw error;
    },
  );
  return {
    bytes: toWorker,
    complete,
    cancel: (reason) => {
      abort.abort(reason);
      toWorker.destroy();
    },
  };
}

async function download(
  store: Store,
  layer: ImageLayer,
  options: StreamOptions,
  toWorker: PassThrough,
): Promise<void> {
  const digest = layer.blob;
  const { client, signal } = options;
  if (client === undefined) {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `unpack layer ${digest}: its blob is not in the store`,
      {
        hint: "remove the image and get it again: tsman rmi --force IMAGE",
      },
    );
  }
  const partial = store.blobs.partial(digest);
  const fd = openPartial(partial.path, digest);
  const feed = async (chunk: Uint8Array): Promise<void> => {
    if (toWorker.destroyed) throw new ConsumerGone();
    if (toWorker.write(chunk)) return;
    try {
      await once(toWorker, "drain");
    } catch (error) {
      // Whoever stops iterating a stream destroys it; with what error is Node's affair.
      throw new ConsumerGone({ cause: error });
    }
  };
  try {
    await client.downloadBlob(
      { mediaType: layer.mediaType, digest, size: layer.size },
      {
        sink: (chunk) => {
          append(fd, chunk, digest);
          return feed(chunk);
        },
        ...(partial.size > 0 && { resumeFrom: keptBytes(partial.path, partial.size, feed) }),
        signal,
      },
    );
    toWorker.end();
    await store.blobs.commit(digest, fd);
  } finally {
    closeSync(fd);
  }
}

function openPartial(path: string, digest: string): number {
  try {
    return openSync(path, "a", 0o600);
  } catch (error) {
    throw toFileError(error, `write blob ${digest}`);
  }
}

function append(fd: number, chunk: Uint8Array, digest: string): void {
  try {
    for (let written = 0; written < chunk.length; ) {
      written += writeSync(fd, chunk, written);
    }
  } catch (error) {
    throw toFileError(error, `write blob ${digest}`);
  }
}

/** The kept beginning, handed to the worker too. */
async function* keptBytes(
  path: string,
  size: number,
  feed: (chunk: Uint8Array) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  // Not beyond `size`: the same file grows while we read.
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark: inFlight })) {
    yield chunk as Uint8Array;
    await feed(chunk as Uint8Array);
  }
}
