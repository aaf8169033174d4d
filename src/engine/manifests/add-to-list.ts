import type { Descriptor } from "../../oci/descriptor.ts";
import { maxImageConfigBytes, parseImageConfig } from "../../oci/image-config.ts";
import {
  findImageLocation,
  formatImageLocation,
  type ImageLocation,
} from "../../oci/image-location.ts";
import { isImageConfig, type Manifest, parseManifestOrIndex } from "../../oci/manifest.ts";
import type { ListedPlatform } from "../../oci/manifest-list.ts";
import { hostPlatform, matchPlatform } from "../../oci/platform.ts";
import { parseReference } from "../../oci/reference.ts";
import type { ImageSource, SourceManifest } from "../../oci/transfer.ts";
import { readVerifiedBytes } from "../../oci/verified-bytes.ts";
import type { ManifestListEntry } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { findImage, findManifestList } from "../images/find-image.ts";
import { openSource } from "../images/open-location.ts";
import type { AddManifestOptions, ManifestList } from "../manifest-types.ts";
import type { RegistryAccess } from "../transfer-types.ts";
import { documentOf, getRecord, withNotes } from "./change-list.ts";

/**
 * Adds an image to a list: its manifest comes into the store, its blobs stay where they are until
 * the list is pushed.  An entry of the same digest is replaced.
 */
export async function addToList(
  context: EngineContext,
  list: string,
  image: string,
  options: AddManifestOptions,
): Promise<ManifestList> {
  const { id } = await getRecord(context, list);
  // Nobody collects what no list names yet.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  const added = await chooseEntries(context, image, options);
  const noted = added.map((entry) => withNotes(entry, options.notes ?? {}));
  return documentOf(
    context,
    context.store.manifestLists.update(id, (entries) => [
      ...entries.filter(({ digest }) => !noted.some((entry) => entry.digest === digest)),
      ...noted,
    ]),
  );
}

async function chooseEntries(
  context: EngineContext,
  image: string,
  options: AddManifestOptions,
): Promise<readonly ManifestListEntry[]> {
  const list =
    findImageLocation(image) === undefined ? await findManifestList(context, image) : undefined;
  if (list !== undefined) {
    if (options.all === true) return list.entries;
    const { digest } = matchPlatform(list.entries, hostPlatform());
    return list.entries.filter((entry) => entry.digest === digest);
  }
  const location = await locationOf(context, image);
  await using source = await openSource(context, location, options);
  const pinned = pinnedLocation(context, location, await source.readManifest());
  return await entriesOf(context, source, {
    name: image,
    source: formatImageLocation(pinned),
    all: options.all === true,
  });
}

/** The manifest or index behind a name in a registry. */
export async function readRemote(
  context: EngineContext,
  image: string,
  options: RegistryAccess,
): Promise<Uint8Array> {
  const location = findImageLocation(image) ?? registryLocation(image);
  await using source = await openSource(context, location, options);
  return (await source.readManifest()).bytes;
}

/** An image of the store first, by name or id; else what a name means to a registry. */
async function locationOf(context: EngineContext, text: string): Promise<ImageLocation> {
  const written = findImageLocation(text);
  if (written !== undefined) return written;
  const image = await findImage(context, text);
  if (image === undefined) return registryLocation(text);
  return { transport: "containers-storage", image: image.id };
}

function registryLocation(text: string): ImageLocation {
  return { transport: "docker", reference: parseReference(text) };
}

/**
 * A location that means the same for good: a later push sends what was added, whatever its tag means
 * by then.
 */
export function pinnedLocation(
  { store }: EngineContext,
  location: ImageLocation,
  { digest }: SourceManifest,
): ImageLocation {
  if (location.transport === "containers-storage") {
    // Blobs that are dropped from the store come from where the image came, though that goes too.
    const origin = store.images.findById(location.image)?.digests[0];
    return origin === undefined ? location : registryLocation(origin);
  }
  if (location.transport !== "docker") return location;
  return { ...location, reference: { ...location.reference, digest } };
}

/** Where entries come from. */
interface Origin {
  readonly name: string;
  readonly source: string;
  /** All platforms of an index; else this host's. */
  readonly all: boolean;
}

/** The entries that an image makes in a list; its manifests come into the store. */
export async function entriesOf(
  context: EngineContext,
  source: ImageSource,
  origin: Origin,
): Promise<ManifestListEntry[]> {
  const top = await source.readManifest();
  const document = parseManifestOrIndex(top.bytes, top.mediaType, undefined, source.name);
  if (document.kind === "manifest") {
    return [await entryOf(context, source, { read: top, document }, origin)];
  }
  const meant = origin.all
    ? document.manifests
    : [matchPlatform(document.manifests, hostPlatform())];
  const entries: ManifestListEntry[] = [];
  for (const descriptor of meant) {
    const read = await source.readManifest(descriptor.digest);
    const inner = parseManifestOrIndex(read.bytes, read.mediaType, descriptor, source.name);
    // An index within an index names no platform of its own.
    if (inner.kind !== "manifest") continue;
    const made = await entryOf(context, source, { read, document: inner, descriptor }, origin);
    entries.push(made);
  }
  return entries;
}

interface ReadManifest {
  readonly read: SourceManifest;
  readonly document: Manifest;
  /** What an index says of it. */
  readonly descriptor?: Descriptor | undefined;
}

async function entryOf(
  context: EngineContext,
  source: ImageSource,
  { read, document, descriptor }: ReadManifest,
  { name, source: location }: Origin,
): Promise<ManifestListEntry> {
  context.store.blobs.put(read.digest, read.bytes);
  return {
    name,
    source: location,
    mediaType: read.mediaType,
    digest: read.digest,
    size: read.bytes.length,
    platform: descriptor?.platform ?? (await platformOf(source, document)),
    annotations: descriptor?.annotations ?? {},
    blobs: [document.config.digest, ...document.layers.map(({ digest }) => digest)],
  };
}

async function platformOf(source: ImageSource, manifest: Manifest): Promise<ListedPlatform> {
  // An artifact is for no platform; so an index calls attestations, too.
  if (!isImageConfig(manifest)) return { os: "unknown", architecture: "unknown" };
  const { config } = manifest;
  const limits = { what: `read config of ${source.name}`, maxBytes: maxImageConfigBytes };
  const bytes = await readVerifiedBytes(() => source.readBlob(config), config, limits);
  const { os, architecture, variant } = parseImageConfig(bytes);
  return { os, architecture, ...(variant !== undefined && { variant }) };
}
