import { availableParallelism } from "node:os";
import { unpackLimits } from "../../config/environment.ts";
import { isTsmanError } from "../../errors/index.ts";
import type { UnpackedLayer } from "../../layer/index.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import { explainUsernsFailure } from "../../rootless/userns-preflight.ts";
import type { ImageLayer, ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { PullProgress } from "../progress.ts";
import { inheritAttributes } from "./inherit-attributes.ts";
import { ConsumerGone, type LayerSource, type PartialSource, storedBlob } from "./layer-source.ts";
import type { LayerToc } from "./layer-toc.ts";
import { LayerUnpacker } from "./layer-unpacker.ts";
import { markOpaqueRoot } from "./opaque-root.ts";
import type { BlobFetcher } from "./origin-client.ts";
import type { LayerTables } from "./partial-layer.ts";
import type { UnpackBudget } from "./unpack-budget.ts";

/** What {@link ensureLayers} takes. */
export interface EnsureLayersOptions {
  /** Whose ids the files get: layers are kept per mapping. */
  readonly mapping: IdMapping;
  /** Where blobs come from that the store lacks; missing: only the store. */
  readonly client?: BlobFetcher | undefined;
  /** What is known of the layers' files before they are fetched. */
  readonly tables?: LayerTables | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/**
 * Layers at a time, each with a worker process that keeps most of one core busy; registries ask for
 * few connections.  Two on one core too, to download while the other one unpacks.
 */
const parallelLayers = (): number => Math.min(3, Math.max(2, availableParallelism()));

/**
 * Sees to it that every layer of an image is unpacked for a mapping.  Layers that the store has are
 * left alone; one that another process is working on is waited for.
 *
 * @throws TsmanError whatever downloading or unpacking throws; then no half of a layer remains.
 */
export async function ensureLayers(
  context: EngineContext,
  image: ImageRecord,
  options: EnsureLayersOptions,
): Promise<void> {
  // A layer may occur twice in an image (an empty one, say): the chain ids differ then, so each
  // is unpacked, but only one of them downloads since the blob is locked meanwhile.
  const missing: ImageLayer[] = [];
  const blobs = new Set(image.layers.map(({ blob }) => blob));
  options.onProgress?.({ kind: "layers", total: blobs.size });
  for (const layer of image.layers) {
    if (context.store.layers.has(options.mapping.key, layer.chainId)) {
      options.onProgress?.({ kind: "layer-exists", digest: layer.blob });
    } else missing.push(layer);
  }
  if (missing.length === 0) return;
  const { readLimits } = await import("../../layer/limits.ts");
  const { UnpackBudget } = await import("./unpack-budget.ts");
  const budget = new UnpackBudget(readLimits(unpackLimits()), image.layers.length);
  const abort = new AbortController();
  const signal =
    options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const next = missing.values();
  const complete = new Map(missing.map((layer) => [layer, Promise.withResolvers<void>()]));
  // All that is below a layer, which another lane, or another process, may be working on still.
  const lowersOf = async (layer: ImageLayer): Promise<string[]> => {
    const below = image.layers.slice(0, image.layers.indexOf(layer));
    for (const lower of below) await complete.get(lower)?.promise;
    const { key } = options.mapping;
    return below.map(({ chainId }) => context.store.layers.diffPath(key, chainId)).reverse();
  };
  let failure: { readonly error: unknown } | undefined;
  const lanes = Math.min(parallelLayers(), missing.length);
  const work = async (): Promise<void> => {
    const expected = Math.ceil(missing.length / lanes);
    await using unpacker = new LayerUnpacker(context, options.mapping, expected);
    for (const layer of next) {
      try {
        await ensureLayer(context, layer, { ...options, signal, unpacker, budget, lowersOf });
        complete.get(layer)?.resolve();
      } catch (error) {
        // The first failure is the reason; the others only say that they were stopped.
        failure ??= { error };
        abort.abort();
        for (const { promise, reject } of complete.values()) {
          // Nobody may be waiting for it.
          promise.catch(() => undefined);
          reject(error);
        }
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, work));
  if (failure !== undefined) throw failure.error;
}

async function ensureLayer(
  context: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
): Promise<void> {
  const { layers } = context.store;
  const { mapping, signal, onProgress } = options;
  const digest = layer.blob;
  const onWait = (): void =>
    onProgress?.({ kind: "waiting", digest, reason: "another tsman is fetching it" });
  await using _layer = await layers.lock(mapping.key, layer.chainId, { signal, onWait });
  if (layers.has(mapping.key, layer.chainId)) {
    onProgress?.({ kind: "layer-exists", digest });
    return;
  }
  const unpacked = await unpackBlob(context, layer, options, onWait);
  // Without the lock of the blob: a layer below, for which this waits, may be of the same.
  await completeLayer(context, layer, unpacked, options);
}

/** Unpacks into the layer's partial directory; the layer's lock must be held. */
async function unpackBlob(
  context: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
  onWait: () => void,
): Promise<PartialLayer> {
  const { blobs } = context.store;
  const { signal, onProgress } = options;
  const digest = layer.blob;
  await using _blob = await blobs.lock(digest, { signal, onWait });
  const partial = await unpackFromParts(context, layer, options);
  if (partial !== undefined) return partial;
  const wasComplete = blobs.has(digest);
  const wasKept = wasComplete || blobs.partial(digest).size > 0;
  try {
    return await unpackOnce(context, layer, options);
  } catch (error) {
    if (!leavesNothing(error)) throw error;
    const isFull = isTsmanError(error, "DISK_FULL");
    // Other images may need what the store had before: an image that lies about it takes it from
    // none of them.
    if (wasComplete && (isFull || (await blobs.isIntact(digest)))) throw error;
    blobs.remove(digest);
    blobs.discardPartial(digest);
    if (isFull || options.client === undefined) throw error;
    const isElsewhere = !wasKept && options.client.distrust?.(digest, error) === true;
    if (!wasKept && !isElsewhere) throw error;
    // What the store had of it may have been damaged since (security case S64): once more, anew.
    const reason = isElsewhere ? messageOf(error) : "what the store had of it was damaged";
    onProgress?.({ kind: "retry", digest, reason, delayMs: 0 });
    return await unpackAnew(context, layer, options);
  }
}

/**
 * Unpacks a layer of which the store has files already, without fetching those.  Undefined where
 * that cannot be done, or did not make what the image wants: then the whole blob is fetched.
 */
async function unpackFromParts(
  context: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
): Promise<PartialLayer | undefined> {
  const { blobs } = context.store;
  const { tables, client, signal, budget } = options;
  const isBegun = blobs.has(layer.blob) || blobs.partial(layer.blob).size > 0;
  if (isBegun || tables?.locations.has(layer.blob) !== true) return undefined;
  const fetchRange = client?.fetchRange;
  if (fetchRange === undefined) return undefined;
  const { openPartialSource } = await import("./partial-layer.ts");
  const limits = budget.layerLimits();
  const source = await openPartialSource(layer, { fetchRange, tables, limits, signal });
  if (source === undefined) return undefined;
  try {
    return await unpackOnce(context, layer, options, source);
  } catch (error) {
    if (signal.aborted || isTsmanError(error, "DISK_FULL")) throw error;
    return undefined;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "unknown failure";
}

/** From nothing, wherever it is to be had. */
async function unpackAnew(
  context: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
): Promise<PartialLayer> {
  for (;;) {
    try {
      return await unpackOnce(context, layer, options);
    } catch (error) {
      if (!leavesNothing(error)) throw error;
      context.store.blobs.remove(layer.blob);
      context.store.blobs.discardPartial(layer.blob);
      if (options.client?.distrust?.(layer.blob, error) !== true) throw error;
    }
  }
}

/**
 * Whether bytes that have arrived are of no use after this failure.  After a broken connection or
 * an interruption they are: the next pull goes on there.
 */
export function leavesNothing(error: unknown): boolean {
  if (!isTsmanError(error)) return false;
  if (error.code === "SIZE_MISMATCH") return error.details.size !== undefined;
  return ["LAYER_INVALID", "LAYER_LIMIT", "DIGEST_MISMATCH", "DISK_FULL"].includes(error.code);
}

interface LayerOptions extends EnsureLayersOptions {
  readonly signal: AbortSignal;
  readonly unpacker: LayerUnpacker;
  readonly budget: UnpackBudget;
  /** Waits for the layers below one; their directories, uppermost first. */
  readonly lowersOf: (layer: ImageLayer) => Promise<string[]>;
}

/** A layer that is unpacked, but not complete. */
interface PartialLayer {
  readonly directory: string;
  readonly unpacked: UnpackedLayer;
  /** If it was read. */
  readonly toc: LayerToc | undefined;
}

/** Downloads, if need be, and unpacks; the locks of layer and blob must be held. */
async function unpackOnce(
  context: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
  parts?: PartialSource,
): Promise<PartialLayer> {
  const { layers } = context.store;
  const { mapping, signal, unpacker, budget, onProgress } = options;
  const digest = layer.blob;
  const slot = await unpacker.slot();
  const directory = layers.begin(mapping.key, layer.chainId, slot.prepared);
  try {
    const total = parts?.fetched ?? layer.size;
    const reused = layer.size - total;
    onProgress?.({ kind: "layer-start", digest, total, ...(reused > 0 && { reused }) });
    const source = parts ?? (await sourceOf(context, layer, options));
    const unpack = slot.unpack({
      source: source.bytes,
      mediaType: layer.mediaType,
      diffId: layer.diffId,
      limits: budget.layerLimits(),
      signal,
      onProgress: (taken) => {
        const current = parts?.arrived() ?? taken;
        onProgress?.({ kind: "layer-progress", digest, current, total });
      },
    });
    const unpacked = await bothOrNeither(unpack, source.complete, source.cancel);
    budget.spend(unpacked);
    return { directory, unpacked, toc: parts?.toc };
  } catch (error) {
    await abandon(context, layer, mapping);
    throw isTsmanError(error, "RUNTIME_FAILED") && refusedNamespace.test(error.message)
      ? explainUsernsFailure(error.message.slice(error.message.indexOf("tsman-native: ")))
      : budget.explain(error);
  }
}

async function sourceOf(
  { store }: EngineContext,
  layer: ImageLayer,
  options: LayerOptions,
): Promise<LayerSource> {
  if (store.blobs.has(layer.blob)) return storedBlob(store, layer);
  // node:stream, which a start does without.
  const { streamedBlob } = await import("./streamed-blob.ts");
  return streamedBlob(store, layer, options);
}

/** What takes the layers below, and nothing of the network. */
async function completeLayer(
  context: EngineContext,
  layer: ImageLayer,
  { directory, unpacked, toc }: PartialLayer,
  options: LayerOptions,
): Promise<void> {
  const { mapping, lowersOf, onProgress, tables } = options;
  const implied = unpacked.impliedDirectories;
  try {
    if (unpacked.opaqueRoot) markOpaqueRoot(directory);
    else if (implied.length > 0) {
      const lowers = await lowersOf(layer);
      if (lowers.length > 0) await inheritAttributes(directory, lowers, implied, mapping);
    }
    const location = tables?.locations.get(layer.blob);
    if (location !== undefined) {
      const { noteLayerContents } = await import("./partial-layer.ts");
      await noteLayerContents(context.store, layer, directory, location, toc);
    }
    context.store.layers.commit(mapping.key, layer.chainId, unpacked.bytes);
  } catch (error) {
    await abandon(context, layer, mapping);
    throw error;
  }
  onProgress?.({ kind: "layer-done", digest: layer.blob });
}

async function abandon(
  context: EngineContext,
  { chainId }: ImageLayer,
  { key }: IdMapping,
): Promise<void> {
  const waste = context.store.layers.abandon(key, chainId);
  if (waste !== undefined) await discardTree(context, waste);
}

/** What `tsman-native userns` says when it could not make or map the worker's namespace. */
const refusedNamespace = /tsman-native: (?:map|userns|stage 1|unshare)/;

/**
 * Waits for both; when one fails the other is ended and waited for, and the root of the trouble is
 * thrown: a download that broke makes the unpacking fail too, and the other way round.
 */
async function bothOrNeither(
  unpack: Promise<UnpackedLayer>,
  complete: Promise<void>,
  cancel: (reason: unknown) => void,
): Promise<UnpackedLayer> {
  let first: unknown;
  const note = (error: unknown): never => {
    if (!(error instanceof ConsumerGone)) {
      first ??= error;
      cancel(error);
    }
    throw error;
  };
  const [unpacked, completed] = await Promise.allSettled([
    unpack.catch(note),
    complete.catch(note),
  ]);
  if (unpacked.status === "fulfilled" && completed.status === "fulfilled") return unpacked.value;
  throw first;
}
