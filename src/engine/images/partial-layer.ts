import { open } from "node:fs/promises";
import type { Digest } from "../../oci/digest.ts";
import {
  type LayerPart,
  layerParts,
  neededRanges,
  reusableFiles,
  splitParts,
} from "../../oci/toc/layer-parts.ts";
import type { TocFile } from "../../oci/toc/toc-document.ts";
import type { TocLocation } from "../../oci/toc/toc-location.ts";
import { decompressBlob, type ExpansionLimits, type Meter } from "../../platform/decompression.ts";
import type { RegistryClient } from "../../registry/client.ts";
import type { ImageLayer } from "../../store/images.ts";
import {
  type ContentPlace,
  findContents,
  hasLayerContents,
  isContentAt,
  readContent,
  writeLayerContents,
} from "../../store/layer-contents.ts";
import type { Store } from "../../store/store.ts";
import { inFlight, type PartialSource } from "./layer-source.ts";
import { type LayerToc, type ReadPart, readLayerToc } from "./layer-toc.ts";
import { RangeQueue } from "./range-queue.ts";

/** Layers that come with a table of contents, and layers that may have files of theirs. */
export interface LayerTables {
  /** By the digest of the blob. */
  readonly locations: ReadonlyMap<Digest, TocLocation>;
  /**
   * The files of other layers, as far as they are unpacked: only of what the same registry has
   * given, since what is not asked for tells it what is here.
   */
  readonly neighbours: () => readonly string[];
}

/** What {@link openPartialSource} takes. */
export interface PartialOptions {
  readonly fetchRange: RegistryClient["fetchRange"];
  readonly tables: LayerTables;
  readonly limits: ExpansionLimits;
  readonly signal: AbortSignal;
}

/** A smaller blob is fetched whole. */
const leastBlobBytes = 256 * 1024;
/** Files that are not what they are said to be: with so many no further one is read. */
const mostMistaken = 8;
/** Of a blob that is needed almost whole, all is fetched: it stays in the store then. */
const mostFetchedShare = 0.8;

/**
 * Opens a layer of which the store has files already: its archive is put together from them and
 * from what is fetched.  The table of contents only says where to look; whether the archive is the
 * right one is decided by its diffID, which the unpacking checks.
 *
 * @returns undefined where a table is missing or unusual, where nothing much would be gained, or
 * where the registry does not give parts of blobs.
 */
export async function openPartialSource(
  layer: ImageLayer,
  options: PartialOptions,
): Promise<PartialSource | undefined> {
  const { tables } = options;
  const location = tables.locations.get(layer.blob);
  if (location === undefined || layer.size < leastBlobBytes) return undefined;
  const directories = tables.neighbours().filter(hasLayerContents);
  if (directories.length === 0) return undefined;
  try {
    return await openSource(layer, location, directories, options);
  } catch {
    // Where it was an interruption, the ordinary pull says so.
    return undefined;
  }
}

async function openSource(
  layer: ImageLayer,
  location: TocLocation,
  directories: readonly string[],
  { fetchRange, limits, signal }: PartialOptions,
): Promise<PartialSource | undefined> {
  const { blob: digest, size, mediaType } = layer;
  const abort = new AbortController();
  const inner = AbortSignal.any([signal, abort.signal]);
  let arrived = 0;
  const read: ReadPart = async (start, end) => {
    const bytes = await fetchRange({ digest, size, mediaType }, { start, end }, inner);
    arrived += bytes.length;
    return bytes;
  };
  const toc = await readLayerToc(location, size, read);
  const { files, split, dataEnd } = toc;
  const found = await findFiles(reusableFiles(files, split !== undefined), directories, inner);
  const parts = (split && splitParts(split.pieces, files, found)) ?? layerParts(found, dataEnd);
  const ranges = neededRanges(parts);
  const fetched = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  if (fetched > size * mostFetchedShare) return undefined;
  const queue = new RangeQueue(ranges, read);
  return {
    bytes: gathered(archive(parts, queue, split?.document, { limits, signal: inner })),
    complete: Promise.resolve(),
    cancel: (reason) => abort.abort(reason),
    toc,
    fetched: arrived + fetched,
    arrived: () => arrived,
  };
}

/** The files whose content is there: read and hashed, since the store's files may have changed. */
async function findFiles(
  files: readonly TocFile[],
  directories: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<TocFile, ContentPlace>> {
  const inOrder = files.toSorted((a, b) => (a.sha256 < b.sha256 ? -1 : 1));
  const places = findContents(
    directories,
    inOrder.map(({ sha256 }) => sha256),
  );
  const found = new Map<TocFile, ContentPlace>();
  let mistaken = 0;
  /** Each content is read once, however many files have it. */
  let last: { readonly file: TocFile; readonly place: ContentPlace | undefined } | undefined;
  for (const [index, file] of inOrder.entries()) {
    const isKnown = last?.file.sha256 === file.sha256 && last.file.size === file.size;
    let place = isKnown ? last?.place : undefined;
    for (const one of isKnown ? [] : (places[index] ?? [])) {
      if (one.size !== file.size || mistaken >= mostMistaken) continue;
      const isRight = await isContentAt(one, signal);
      if (isRight === false) mistaken += 1;
      if (isRight !== true) continue;
      place = one;
      break;
    }
    last = { file, place };
    if (place !== undefined) found.set(file, place);
  }
  return found;
}

async function* archive(
  parts: readonly LayerPart<ContentPlace>[],
  queue: RangeQueue,
  texts: Buffer | undefined,
  { limits, signal }: Pick<PartialOptions, "limits" | "signal">,
): AsyncGenerator<Buffer> {
  const meter: Meter = { compressed: 0, unpacked: 0 };
  for (const part of parts) {
    switch (part.kind) {
      case "content":
        yield* readContent(part.source, part.length, signal);
        break;
      case "text":
        yield Buffer.from(texts?.toString("latin1", part.start, part.end) ?? "", "base64");
        break;
      case "blob":
        yield* decompressBlob(queue.take(part), limits, "the layer", meter);
    }
  }
}

/** Fewer, larger pieces: each is a message to the worker. */
async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = [];
  let length = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    length += piece.length;
    if (length < inFlight) continue;
    yield Buffer.concat(waiting, length);
    waiting = [];
    length = 0;
  }
  yield Buffer.concat(waiting, length);
}

/**
 * Notes beside an unpacked layer what its table of contents says, for layers to come.  Nothing
 * depends on it: a table that cannot be read, or noted, is passed over.
 *
 * @param directory the layer's files
 * @param known the table, if it was read already; it is in the blob otherwise, which the store has
 */
export async function noteLayerContents(
  { blobs }: Pick<Store, "blobs">,
  { blob, size }: ImageLayer,
  directory: string,
  location: TocLocation,
  known: LayerToc | undefined,
): Promise<void> {
  try {
    const { files } = known ?? (await readStoredToc(blobs.path(blob), size, location));
    writeLayerContents(
      directory,
      files.flatMap(({ sha256, size, name }) =>
        name === undefined ? [] : [{ sha256, size, name }],
      ),
    );
  } catch {
    // The layer is complete without.
  }
}

async function readStoredToc(file: string, size: number, location: TocLocation): Promise<LayerToc> {
  await using handle = await open(file);
  return await readLayerToc(location, size, async (start, end) => {
    const bytes = Buffer.alloc(end - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    return bytes.subarray(0, bytesRead);
  });
}
