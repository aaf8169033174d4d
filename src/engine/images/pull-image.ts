import { proxyEnvironment } from "../../config/environment.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import { hostPlatform } from "../../oci/platform.ts";
import {
  formatName,
  formatReference,
  parseReference,
  type Reference,
} from "../../oci/reference.ts";
import { createRegistryClient, type RegistryClient } from "../../registry/client.ts";
import { openCredentials } from "../../registry/credentials.ts";
import { collectGarbage } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { PullOptions } from "../types.ts";
import { tsmanVersion } from "../version.ts";
import { ensureLayers, leavesNothing } from "./ensure-layers.ts";
import { imageRecord } from "./image-record.ts";

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
 * DIGEST_MISMATCH, SIZE_MISMATCH, LAYER_INVALID, LAYER_LIMIT, DISK_FULL, INTERRUPTED
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
  return image;
}

async function fetchImage(
  context: EngineContext,
  text: string,
  options: FetchOptions,
): Promise<ImageRecord> {
  const reference = parseReference(text);
  const name = formatReference(reference);
  options.onProgress?.({ kind: "resolving", reference: name });
  await using client = registryClient(reference, options);
  const resolved = await client.resolveImage(
    options.pinned ?? reference.digest ?? reference.tag ?? "latest",
    options.platform ?? hostPlatform(),
  );
  const repository = formatName(reference);
  const image = imageRecord({
    manifest: resolved.manifest,
    manifestDigest: resolved.manifestDigest,
    config: resolved.config,
    names: takesName(context, reference, options) ? [name] : [],
    digests: [resolved.manifestDigest, resolved.indexDigest]
      .filter((digest) => digest !== undefined)
      .map((digest) => `${repository}@${digest}`),
  });
  const { blobs, images, layers } = context.store;
  // Nobody collects what we fetch before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  await ensureLayers(context, image, {
    mapping: mappingFor(context, { mode: "default" }),
    client,
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

function takesName(
  context: EngineContext,
  reference: Reference,
  { leaveName = false }: FetchOptions,
): boolean {
  if (reference.digest !== undefined) return false;
  return !leaveName || context.store.images.findByName(formatReference(reference)) === undefined;
}

/** Whether the registry's image of that name is another one than ours (`--pull newer`). */
export async function isOutdated(
  text: string,
  image: ImageRecord,
  options: PullOptions,
): Promise<boolean> {
  const reference = parseReference(text);
  if (reference.registry === "localhost") return false;
  await using client = registryClient(reference, options);
  try {
    const head = await client.headManifest(reference.digest ?? reference.tag ?? "latest");
    if (head?.digest === undefined) return false;
    return !image.digests.some((known) => known.endsWith(`@${head.digest}`));
  } catch (error) {
    // Podman: an error is no reason not to run what is there.
    if (isTsmanError(error) && error.code.startsWith("REGISTRY_")) return false;
    throw error;
  }
}

/**
 * A client for the repository of a full reference.
 *
 * @throws TsmanError REFERENCE_INVALID, IMAGE_NOT_FOUND for a localhost/ name
 */
export function openRegistryClient(text: string, options: PullOptions): RegistryClient {
  return registryClient(parseReference(text), options);
}

function registryClient(reference: Reference, options: PullOptions): RegistryClient {
  if (reference.registry === "localhost") {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `pull ${formatReference(reference)}: localhost/ names images that were made here`,
      { hint: "list the local images with: tsman images" },
    );
  }
  const creds = options.credentials;
  return createRegistryClient({
    registry: reference.registry,
    repository: reference.repository,
    credentials: openCredentials({
      creds: creds === undefined ? undefined : `${creds.username}:${creds.password}`,
      authFile: options.authFile,
    }),
    tlsVerify: options.tlsVerify,
    userAgent: `tsman/${tsmanVersion()}`,
    signal: options.signal,
    proxy: proxyEnvironment(),
    onRetry: ({ what, reason, delayMs }) =>
      options.onProgress?.({ kind: "retry", digest: what, reason, delayMs }),
  });
}
