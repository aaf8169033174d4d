import { createHash } from "node:crypto";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { digestFromHex } from "../../oci/digest.ts";
import { maxImageConfigBytes, parseImageConfig } from "../../oci/image-config.ts";
import { parseManifestOrIndex, requireRunnableManifest } from "../../oci/manifest.ts";
import {
  formatPlatform,
  hostPlatform,
  matchPlatform,
  type Platform,
  platformServes,
} from "../../oci/platform.ts";
import type { ImageSource, SourceManifest } from "../../oci/transfer.ts";
import { readVerifiedBytes } from "../../oci/verified-bytes.ts";
import { collectGarbage } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { PullProgress } from "../progress.ts";
import type { AdmitImage } from "./assert-admitted.ts";
import { ensureLayers, leavesNothing } from "./ensure-layers.ts";
import { imageRecord } from "./image-record.ts";
import { keepBlobs } from "./keep-blobs.ts";
import type { BlobFetcher } from "./origin-client.ts";

/** How an image is taken from a source into the store. */
export interface TakeImageOptions {
  /** Full `registry/repository:tag`s that it gets. */
  readonly names: readonly string[];
  /** Undefined only for what comes out of the store, whose images were let in before. */
  readonly admit: AdmitImage | undefined;
  /** Missing: this host's. */
  readonly platform?: Platform | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/**
 * Takes an image into the store from any source, unpacked for the caller's default id mapping: with
 * the same checks and limits as from a registry.
 *
 * @throws TsmanError as a pull, and what the source throws; then nothing of the image remains
 */
export async function takeImage(
  context: EngineContext,
  source: ImageSource,
  options: TakeImageOptions,
): Promise<ImageRecord> {
  const removeTree = (tree: string) => discardTree(context, tree);
  try {
    return await takeOnce(context, source, options);
  } catch (error) {
    // No later attempt gets further than this one: the layers that are complete belong to no image.
    if (leavesNothing(error) || isTsmanError(error, "ARCHIVE_INVALID")) {
      await collectGarbage(context.store, { removeTree });
    }
    throw error;
  }
}

async function takeOnce(
  context: EngineContext,
  source: ImageSource,
  options: TakeImageOptions,
): Promise<ImageRecord> {
  const wanted = options.platform ?? hostPlatform();
  const resolved = await resolve(source, wanted);
  const { manifestBytes, manifest, config, configBytes, digest, digests } = resolved;
  await options.admit?.(digests);
  const taken = imageRecord({
    manifest,
    manifestDigest: digest,
    config,
    names: options.names,
    digests: [],
  });
  const { blobs, images, layers } = context.store;
  const mapping = mappingFor(context, { mode: "default" });
  // Nobody collects what we take before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  const known = source.isMadeUp === true ? findWhole(context, taken, mapping.key) : undefined;
  const image = known === undefined ? taken : { ...known, names: options.names };
  await ensureLayers(context, image, {
    mapping,
    client: fetcherOf(source),
    signal: options.signal,
    onProgress: options.onProgress,
  });
  // Of layers that did not have to be unpacked, since another image has them, packed in another way.
  if (!hasOrigin(image)) await keepBlobs(context, image.layers, source, options.signal);
  if (known === undefined) blobs.put(image.manifestDigest, manifestBytes);
  blobs.put(image.id, configBytes);
  images.put(image);
  await layers.sync();
  return image;
}

/** The same image, if the store has all of it: then it keeps its own manifest and blobs. */
function findWhole(
  { store }: EngineContext,
  { id }: ImageRecord,
  mappingKey: string,
): ImageRecord | undefined {
  const known = store.images.findById(id);
  if (known === undefined || !store.blobs.has(known.manifestDigest)) return undefined;
  const isWhole = known.layers.every(
    ({ blob, chainId }) =>
      store.blobs.has(blob) || (hasOrigin(known) && store.layers.has(mappingKey, chainId)),
  );
  return isWhole ? known : undefined;
}

/** Whether what the store lacks of an image can be fetched from where it came. */
function hasOrigin(image: ImageRecord): boolean {
  return image.digests.length > 0;
}

/** Everything about an image but its layers, verified. */
async function resolve(source: ImageSource, wanted: Platform) {
  const { read, manifest, digests } = await chooseManifest(source, wanted);
  const what = `image ${source.name}`;
  requireRunnableManifest(manifest, what);
  const configBytes = await readVerifiedBytes(
    () => source.readBlob(manifest.config),
    manifest.config,
    { what: `read config of ${source.name}`, maxBytes: maxImageConfigBytes },
  );
  const config = parseImageConfig(configBytes, `config of ${what}`);
  const { os, architecture, variant } = config;
  const own: Platform = { os, architecture, ...(variant !== undefined && { variant }) };
  // An image for another processor would only fail later, and less clearly (case S66).
  if (architecture !== "" && !platformServes(own, wanted)) {
    throw new TsmanError(
      "PLATFORM_NOT_FOUND",
      `choose image for ${formatPlatform(wanted)}: ${what} is for ${formatPlatform(own)} only`,
      {
        hint: `to take it all the same: --platform ${formatPlatform(own)}`,
        details: { wanted: formatPlatform(wanted), offered: [formatPlatform(own)] },
      },
    );
  }
  return { manifestBytes: read.bytes, digest: read.digest, digests, manifest, config, configBytes };
}

async function chooseManifest(source: ImageSource, wanted: Platform) {
  let read: SourceManifest = await source.readManifest();
  const top = read;
  let document = parseManifestOrIndex(read.bytes, read.mediaType, undefined, source.name);
  if (document.kind === "index") {
    const entry = matchPlatform(document.manifests, wanted, source.name);
    read = await source.readManifest(entry.digest);
    document = parseManifestOrIndex(read.bytes, read.mediaType, entry, source.name);
  }
  const digests = [...new Set([read.digest, top.digest])];
  if (document.kind === "manifest") return { read, manifest: document, digests };
  throw new TsmanError(
    "MANIFEST_INVALID",
    `read index of ${source.name}: its entry for ${formatPlatform(wanted)} is an index again`,
  );
}

/** A source as what layers are fetched with: a beginning that was kept earlier is used. */
function fetcherOf(source: ImageSource): BlobFetcher {
  return {
    async downloadBlob(descriptor, { sink, resumeFrom, signal }) {
      const hash = resumeFrom === undefined ? undefined : createHash("sha256");
      let kept = 0;
      for await (const chunk of resumeFrom ?? []) {
        hash?.update(chunk);
        kept += chunk.length;
      }
      let skip = kept;
      for await (const chunk of source.readBlob(descriptor, signal)) {
        signal?.throwIfAborted();
        const rest = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - rest.length;
        if (rest.length === 0) continue;
        hash?.update(rest);
        await sink(rest);
      }
      if (hash === undefined) return;
      // The source has verified its own bytes; what was kept may have been damaged since.
      const actual = digestFromHex(hash.digest("hex"));
      if (skip === 0 && actual === descriptor.digest) return;
      throw new TsmanError(
        "DIGEST_MISMATCH",
        `read blob of ${source.name} ${descriptor.digest}: what was kept of it is damaged`,
        { details: { expected: descriptor.digest, actual, isResumed: true } },
      );
    },
  };
}
