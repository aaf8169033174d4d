import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import { isDigest } from "../../oci/digest.ts";
import type { Manifest } from "../../oci/manifest.ts";
import { hostPlatform, isSamePlatform, type Platform } from "../../oci/platform.ts";
import { formatName, formatReference, type Reference } from "../../oci/reference.ts";
import { pullCandidates } from "../../oci/short-names.ts";
import { findTocLocation, type TocLocation } from "../../oci/toc/toc-location.ts";
import type { RegistryClient } from "../../registry/client.ts";
import { collectGarbage } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { PullOptions } from "../types.ts";
import { assertAdmitted } from "./assert-admitted.ts";
import { dropBlobs } from "./drop-blobs.ts";
import { ensureLayers, leavesNothing } from "./ensure-layers.ts";
import { imageRecord } from "./image-record.ts";
import type { LayerTables } from "./partial-layer.ts";
import { openRegistryClient } from "./registry-access.ts";

/** What {@link pullImage} takes. */
export interface FetchOptions extends PullOptions {
  /** What to fetch under the name that is asked for. */
  readonly pinned?: Digest | undefined;
  /** Another image keeps the name if it has it; default: the fetched one gets it. */
  readonly leaveName?: boolean | undefined;
}

/**
 * Fetches an image from its registry into the store, unpacked for the caller's default id mapping.
 * Interrupted at any point, the next pull goes on where this one stopped.
 *
 * @throws TsmanError REFERENCE_INVALID, REGISTRY_*, MANIFEST_INVALID, PLATFORM_NOT_FOUND,
 * DIGEST_MISMATCH, SIZE_MISMATCH, LAYER_INVALID, LAYER_LIMIT, DISK_FULL, INTERRUPTED, IMAGE_REJECTED
 */
export async function pullImage(
  context: EngineContext,
  text: string,
  options: FetchOptions,
): Promise<ImageRecord> {
  const removeTree = (tree: string) => discardTree(context, tree);
  let image: ImageRecord;
  try {
    image = await fetchImage(context, text, options);
  } catch (error) {
    // No later pull gets further than this one: the layers that are complete belong to no image.
    if (leavesNothing(error)) {
      const isFull = isTsmanError(error, "DISK_FULL");
      await collectGarbage(context.store, { removeTree, ...(isFull && { partialBlobAge: 0 }) });
    }
    throw error;
  }
  // What commands that were killed have left; what others work on is locked and stays.
  await collectGarbage(context.store, { removeTree });
  await dropBlobs(context);
  return image;
}

async function fetchImage(
  context: EngineContext,
  text: string,
  options: FetchOptions,
): Promise<ImageRecord> {
  return await withCandidates(
    context,
    text,
    options,
    async (reference) => await fetchReference(context, reference, options),
  );
}

/** Does something for what a name may mean, in order, until a registry has it. */
export async function withCandidates<T>(
  context: EngineContext,
  text: string,
  { onProgress }: Pick<PullOptions, "onProgress">,
  attempt: (reference: Reference) => Promise<T>,
): Promise<T> {
  const { shortNames } = await context.settings();
  const candidates = pullCandidates(text, shortNames);
  for (const [index, reference] of candidates.entries()) {
    try {
      return await attempt(reference);
    } catch (error) {
      const next = candidates[index + 1];
      if (next === undefined || !isTsmanError(error) || !error.code.startsWith("REGISTRY_")) {
        throw error;
      }
      const [from, to] = [formatName(reference), formatName(next)];
      onProgress?.({ kind: "fallback", from, to, reason: error.message });
    }
  }
  throw new TsmanError("INTERNAL", `pull ${text}: it means nothing`);
}

async function fetchReference(
  context: EngineContext,
  reference: Reference,
  options: FetchOptions,
): Promise<ImageRecord> {
  const name = formatReference(reference);
  options.onProgress?.({ kind: "resolving", reference: name });
  await using client = await openRegistryClient(context, reference, options);
  const unchanged = await findUnchanged(context, client, reference, options);
  if (unchanged !== undefined) return unchanged;
  const resolved = await client.resolveImage(
    options.pinned ?? reference.digest ?? reference.tag ?? "latest",
    options.platform ?? hostPlatform(),
  );
  const digests = [resolved.manifestDigest, resolved.indexDigest].filter(
    (digest) => digest !== undefined,
  );
  await assertAdmitted(context, { transport: "docker", reference }, digests, options);
  const repository = formatName(reference);
  const image = imageRecord({
    manifest: resolved.manifest,
    manifestDigest: resolved.manifestDigest,
    config: resolved.config,
    names: takesName(context, reference, options, resolved.indexDigest) ? [name] : [],
    digests: digests.map((digest) => `${repository}@${digest}`),
  });
  const { blobs, images, layers } = context.store;
  // Nobody collects what we fetch before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  await ensureLayers(context, image, {
    mapping: mappingFor(context, { mode: "default" }),
    client,
    tables: await layerTables(context, resolved.manifest, image),
    signal: options.signal,
    onProgress: options.onProgress,
  });
  blobs.put(image.manifestDigest, resolved.manifestBytes);
  blobs.put(image.id, resolved.configBytes);
  images.put(image);
  context.events.emit({ type: "image", status: "pull", id: image.id, name });
  options.onProgress?.({ kind: "done", id: image.id, reference: name });
  await layers.sync();
  return image;
}

/** The tables of contents of an image's layers, and whose files may be used instead of fetching. */
async function layerTables(
  context: EngineContext,
  manifest: Manifest,
  image: ImageRecord,
): Promise<LayerTables | undefined> {
  const { pull } = await context.settings();
  if (!pull.partial) return undefined;
  const locations = new Map<Digest, TocLocation>();
  for (const layer of manifest.layers) {
    const location = findTocLocation(layer);
    if (location !== undefined) locations.set(layer.digest, location);
  }
  if (locations.size === 0) return undefined;
  const { key } = mappingFor(context, { mode: "default" });
  const { images, layers } = context.store;
  const registryOf = (name: string): string => name.slice(0, name.indexOf("/"));
  const registries = new Set(image.digests.map(registryOf));
  const hasSameRegistry = ({ digests }: ImageRecord): boolean =>
    digests.some((digest) => registries.has(registryOf(digest)));
  return {
    locations,
    neighbours: () => {
      const stacks = [image, ...images.list().filter(hasSameRegistry)];
      const chainIds = new Set(stacks.flatMap((one) => one.layers.map(({ chainId }) => chainId)));
      return [...chainIds].map((chainId) => layers.diffPath(key, chainId));
    },
  };
}

/**
 * The image that the store has under this name, if the registry has the same there: asked by HEAD,
 * which registries do not count against their limits.
 */
async function findUnchanged(
  context: EngineContext,
  client: RegistryClient,
  reference: Reference,
  options: FetchOptions,
): Promise<ImageRecord | undefined> {
  const { blobs, images } = context.store;
  const name = formatReference(reference);
  const known = reference.digest === undefined ? images.findByName(name) : undefined;
  const platform = options.platform ?? hostPlatform();
  // Of one that would only do as well, an index may have a better one.
  if (known === undefined || options.pinned !== undefined || !isFor(known, platform)) {
    return undefined;
  }
  const head = await client.headManifest(reference.tag ?? "latest").catch((error: unknown) => {
    // Some proxies let no HEAD through.
    if (isTsmanError(error, "REGISTRY_RESPONSE")) return undefined;
    throw error;
  });
  const isSame = known.digests.includes(`${formatName(reference)}@${head?.digest}`);
  if (!isSame || !blobs.has(known.manifestDigest) || !blobs.has(known.id)) return undefined;
  const digests = known.digests.flatMap((each) => {
    const digest = each.slice(each.indexOf("@") + 1);
    return isDigest(digest) && each.startsWith(`${formatName(reference)}@`) ? [digest] : [];
  });
  await assertAdmitted(context, { transport: "docker", reference }, digests, options);
  const { signal, onProgress } = options;
  await using _content = await context.store.lockContent({ shared: true, signal });
  const mapping = mappingFor(context, { mode: "default" });
  await ensureLayers(context, known, { mapping, client, signal, onProgress });
  context.events.emit({ type: "image", status: "pull", id: known.id, name });
  onProgress?.({ kind: "done", id: known.id, reference: name });
  return known;
}

function isFor({ config }: ImageRecord, platform: Platform): boolean {
  const { os, architecture, variant } = config;
  return isSamePlatform({ os, architecture, variant }, platform);
}

function takesName(
  context: EngineContext,
  reference: Reference,
  { leaveName = false }: FetchOptions,
  index: Digest | undefined,
): boolean {
  if (reference.digest !== undefined) return false;
  const name = formatReference(reference);
  const { images, manifestLists } = context.store;
  const list = manifestLists.findByName(name);
  // All platforms of just this are here under the name already.
  if (list !== undefined && list.original?.digest === index) return false;
  return !leaveName || (images.findByName(name) === undefined && list === undefined);
}

/** Whether the registry's image of that name is another one than ours (`--pull newer`). */
export async function isOutdated(
  context: EngineContext,
  text: string,
  image: ImageRecord,
  options: PullOptions,
): Promise<boolean> {
  const { shortNames } = await context.settings();
  const candidates = pullCandidates(text, shortNames);
  const known = candidates.find((each) => image.names.includes(formatReference(each)));
  const reference = known ?? candidates[0];
  if (reference === undefined || reference.registry === "localhost") return false;
  try {
    await using client = await openRegistryClient(context, reference, options);
    const head = await client.headManifest(reference.digest ?? reference.tag ?? "latest");
    if (head?.digest === undefined) return false;
    return !image.digests.some((known) => known.endsWith(`@${head.digest}`));
  } catch (error) {
    // Podman: an error is no reason not to run what is there.
    if (isTsmanError(error) && error.code.startsWith("REGISTRY_")) return false;
    throw error;
  }
}
