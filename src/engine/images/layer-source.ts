import { createReadStream } from "node:fs";
import type { ImageLayer } from "../../store/images.ts";
import type { Store } from "../../store/store.ts";
import type { LayerToc } from "./layer-toc.ts";

/** The compressed bytes of a layer on their way to the unpack worker. */
export interface LayerSource {
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Resolves when the blob is complete and verified; rejects with why not. */
  readonly complete: Promise<void>;
  /** Ends it: the unpacking has failed. */
  readonly cancel: (reason: unknown) => void;
}

/** A layer that is put together from the store and from parts of its blob. */
export interface PartialSource extends LayerSource {
  readonly toc: LayerToc;
  /** Bytes of the blob that are fetched. */
  readonly fetched: number;
  /** Bytes of the blob that have arrived. */
  readonly arrived: () => number;
}

/** The unpacking ended before the download: it knows why, this does not. */
export class ConsumerGone extends Error {
  override readonly name = "ConsumerGone";

  constructor(options?: ErrorOptions) {
    super("the unpacking ended before the download", options);
  }
}

/** Bytes in flight between the store or the network and the worker. */
export const inFlight = 256 * 1024;

/**
 * A blob that the store has.  Its digest is not computed again: the unpacked bytes have to match
 * the diffID, which the image id vouches for.
 */
export function storedBlob(store: Store, layer: ImageLayer): LayerSource {
  const stream = createReadStream(store.blobs.path(layer.blob), { highWaterMark: inFlight });
  return {
    bytes: stream,
    complete: Promise.resolve(),
    cancel: () => stream.destroy(),
  };
}
