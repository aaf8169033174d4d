import { TsmanError } from "../../errors/index.ts";
import { convertIndex, convertManifest } from "../../oci/convert-manifest.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { type Index, type Manifest, parseManifestOrIndex } from "../../oci/manifest.ts";
import { formatOfType, type ImageFormat } from "../../oci/media-types.ts";
import { hostPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import type { ImageDestination, ImageSource, SourceManifest } from "../../oci/transfer.ts";
import type { PullProgress } from "../progress.ts";
import type { AdmitImage } from "./assert-admitted.ts";

/** How an image is copied. */
export interface CopyImageOptions {
  /** What to take of an index; missing: this host's. */
  readonly platform?: Platform | undefined;
  /** All that an index names, and the index. */
  readonly all?: boolean | undefined;
  /** Of the documents; missing: as they are, or as the destination needs them. */
  readonly format?: ImageFormat | undefined;
  /** Asked before anything is copied; missing: it comes out of the store. */
  readonly admit?: AdmitImage | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** Blobs at a time. */
const parallelBlobs = 3;
/** An index of indexes is allowed, a longer chain is nobody's image. */
const deepestIndex = 3;

/**
 * Copies an image from any place to any other; blobs that are there already are left out.  The
 * caller commits the destination.
 *
 * @returns the top document as it was written: the bytes of the source's, unless the format changed.
 * @throws TsmanError USAGE, MANIFEST_INVALID, PLATFORM_NOT_FOUND, INTERRUPTED and what the places
 *   throw
 */
export async function copyImage(
  source: ImageSource,
  destination: ImageDestination,
  options: CopyImageOptions = {},
): Promise<SourceManifest> {
  const format = formatFor(destination, options.format);
  const top = await source.readManifest();
  const document = parseManifestOrIndex(top.bytes, top.mediaType, undefined, source.name);
  const copier = new ImageCopier(source, destination, { ...options, format });
  const plan = await copier.plan(top, document, 0);
  // Of the bytes that are copied: asked again, a registry could give others.
  await options.admit?.(copier.chosen);
  await copier.copyBlobs();
  for (const manifest of plan.inner) await destination.writeManifest(manifest, { isTop: false });
  await destination.writeManifest(plan.top, { isTop: true });
  return plan.top;
}

function formatFor(
  destination: ImageDestination,
  wanted: ImageFormat | undefined,
): ImageFormat | undefined {
  const { requiredFormat } = destination;
  if (wanted === undefined || requiredFormat === undefined || wanted === requiredFormat) {
    return wanted ?? requiredFormat;
  }
  throw new TsmanError(
    "USAGE",
    `copy to ${destination.name} in format ${wanted}: it holds ${requiredFormat} documents only`,
    { hint: "leave out the format" },
  );
}

/** What is to be written, in this order. */
interface ManifestPlan {
  readonly inner: readonly SourceManifest[];
  readonly top: SourceManifest;
}

class ImageCopier {
  readonly #source: ImageSource;
  readonly #destination: ImageDestination;
  readonly #options: CopyImageOptions;
  readonly #blobs = new Map<Digest, Descriptor>();
  /** What one image goes by: each document that led to its manifest, and that. */
  readonly chosen: Digest[] = [];

  constructor(source: ImageSource, destination: ImageDestination, options: CopyImageOptions) {
    this.#source = source;
    this.#destination = destination;
    this.#options = options;
  }

  async plan(
    read: SourceManifest,
    document: Manifest | Index,
    depth: number,
  ): Promise<ManifestPlan> {
    const { format } = this.#options;
    if (depth === 0 || this.#options.all !== true) this.chosen.push(read.digest);
    if (document.kind === "manifest") {
      for (const blob of [document.config, ...document.layers]) this.#blobs.set(blob.digest, blob);
      const top = format === undefined ? read : convertManifest(read, document, format);
      return { inner: [], top };
    }
    if (this.#options.all !== true) return await this.#planChosen(document, depth);
    if (this.#destination.isSinglePlatform === true) {
      throw new TsmanError(
        "USAGE",
        `copy all platforms to ${this.#destination.name}: it holds one only`,
        { hint: "choose one with --platform, or copy to oci:, dir: or docker://" },
      );
    }
    const inner: SourceManifest[] = [];
    const converted = new Map<Digest, SourceManifest>();
    for (const entry of document.manifests) {
      if (converted.has(entry.digest)) continue;
      const plan = await this.#planEntry(entry, depth);
      inner.push(...plan.inner, plan.top);
      converted.set(entry.digest, plan.top);
    }
    const top = convertIndex(read, document, converted, format ?? formatOfType(document.mediaType));
    return { inner, top };
  }

  async #planChosen(index: Index, depth: number): Promise<ManifestPlan> {
    const wanted = this.#options.platform ?? hostPlatform();
    return await this.#planEntry(matchPlatform(index.manifests, wanted, this.#source.name), depth);
  }

  async #planEntry(entry: Descriptor, depth: number): Promise<ManifestPlan> {
    this.#options.signal?.throwIfAborted();
    if (depth === deepestIndex) {
      throw new TsmanError(
        "MANIFEST_INVALID",
        `read index of ${this.#source.name}: it names indexes that name indexes`,
      );
    }
    const read = await this.#source.readManifest(entry.digest);
    const document = parseManifestOrIndex(read.bytes, read.mediaType, entry, this.#source.name);
    return await this.plan(read, document, depth + 1);
  }

  /** All blobs of what was planned; at the first failure the others are ended. */
  async copyBlobs(): Promise<void> {
    const blobs = [...this.#blobs.values()];
    this.#options.onProgress?.({ kind: "layers", total: blobs.length });
    const abort = new AbortController();
    const outer = this.#options.signal;
    const signal = outer === undefined ? abort.signal : AbortSignal.any([outer, abort.signal]);
    const next = blobs.values();
    let failure: { readonly error: unknown } | undefined;
    const lane = async (): Promise<void> => {
      for (const blob of next) {
        if (failure !== undefined) return;
        try {
          await this.#copyBlob(blob, signal);
        } catch (error) {
          failure ??= { error };
          abort.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(parallelBlobs, blobs.length) }, lane));
    if (failure !== undefined) throw interruptedOr(failure.error, outer, this.#source.name);
  }

  async #copyBlob(blob: Descriptor, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { onProgress } = this.#options;
    const { digest, size } = blob;
    if (await this.#destination.hasBlob(blob, signal)) {
      onProgress?.({ kind: "layer-exists", digest });
      return;
    }
    onProgress?.({ kind: "layer-start", digest, total: size });
    const onCount = (current: number): void =>
      onProgress?.({ kind: "layer-progress", digest, current, total: size });
    // Begins anew each time: a destination whose connection broke reads once more.
    const bytes = {
      [Symbol.asyncIterator]: () => counted(this.#source.readBlob(blob, signal), signal, onCount),
    };
    await this.#destination.writeBlob(blob, bytes, signal);
    onProgress?.({ kind: "layer-done", digest });
  }
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onCount: (total: number) => void,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    yield chunk;
    total += chunk.length;
    onCount(total);
  }
}

/** An abort is told as what it was: the caller's interruption. */
function interruptedOr(error: unknown, signal: AbortSignal | undefined, name: string): unknown {
  if (signal?.aborted !== true || error instanceof TsmanError) return error;
  return new TsmanError("INTERRUPTED", `copy ${name}: interrupted`, { cause: error });
}
