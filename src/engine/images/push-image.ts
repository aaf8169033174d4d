import { TsmanError } from "../../errors/index.ts";
import { findImageLocation, type ImageLocation } from "../../oci/image-location.ts";
import { formatName, parseReference, type Reference } from "../../oci/reference.ts";
import type { ImageDestination, ImageSource } from "../../oci/transfer.ts";
import type { EngineContext } from "../context.ts";
import type { PushOptions, PushResult } from "../push-types.ts";
import { copyImage } from "./copy-image.ts";
import { getImage, writtenName } from "./find-image.ts";
import { archiveLimits } from "./image-limits.ts";
import { openDestination } from "./open-location.ts";
import { recompressedSource } from "./recompressed-source.ts";
import { storeSource } from "./store-source.ts";

/**
 * Sends an image of the store to a registry, or to another place.  What is not changed goes as it came, so that digests
 * stay the same.
 *
 * @param destination `NAME` of a registry, or `TRANSPORT:…`; missing: the name by which the image was called.
 * @throws TsmanError IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, REGISTRY_*, DIGEST_MISMATCH,
 * INTERRUPTED
 */
export async function pushImage(
  context: EngineContext,
  nameOrId: string,
  destination: string | undefined,
  options: PushOptions = {},
): Promise<PushResult> {
  if (options.compression === "zstd" && options.format === "docker") {
    throw new TsmanError("USAGE", `push image ${nameOrId}: Docker's format has no zstd layers`, {
      hint: "leave out the format, or use gzip",
    });
  }
  const image = await getImage(context, nameOrId);
  const text = destination ?? (await writtenName(context, image.names, nameOrId));
  const target = targetOf(nameOrId, text);
  await using place = await openDestination(context, target, options);
  options.onProgress?.({ kind: "pushing", destination: place.name });
  // What is sent is not to be collected meanwhile.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  await using source = packed(
    context,
    storeSource(context, image, nameOrId, { signal: options.signal }),
    options,
  );
  const format = options.format ?? formatFor(options, place);
  const { digest } = await copyImage(source, place, { ...options, format });
  await place.commit();
  if (digest === image.manifestDigest && target.transport === "docker") {
    // So the next push of its layers to this registry finds them there.
    context.store.images.addDigest(image.id, `${formatName(target.reference)}@${digest}`);
  }
  context.events.emit({ type: "image", status: "push", id: image.id, name: place.name });
  return { id: image.id, digest, destination: place.name };
}

/** The image with its layers as they are wanted. */
function packed(context: EngineContext, source: ImageSource, options: PushOptions): ImageSource {
  const { compression, compressionLevel: level, forceCompression: force } = options;
  if (compression === undefined && level === undefined && force !== true) return source;
  return recompressedSource(
    source,
    { compression, level, force },
    {
      openSpool: () => context.store.blobs.openSpool(),
      limits: archiveLimits(),
      signal: options.signal,
      onProgress: options.onProgress,
    },
  );
}

/** Docker's media types know no zstd, so that such layers want OCI documents. */
function formatFor(
  { compression }: PushOptions,
  { requiredFormat }: ImageDestination,
): "oci" | undefined {
  return compression === "zstd" && requiredFormat === undefined ? "oci" : undefined;
}

function targetOf(nameOrId: string, text: string | undefined): ImageLocation {
  if (text === undefined) {
    throw new TsmanError("USAGE", `push image ${nameOrId}: an id does not say where to`, {
      hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
    });
  }
  const location = findImageLocation(text) ?? docker(parseReference(text));
  if (location.transport !== "docker" || location.reference.registry !== "localhost") {
    return location;
  }
  throw new TsmanError("USAGE", `push image ${nameOrId}: localhost/ is this host, no registry`, {
    hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
  });
}

function docker(reference: Reference): ImageLocation {
  return { transport: "docker", reference };
}
