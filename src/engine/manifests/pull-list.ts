import { isTsmanError } from "../../errors/index.ts";
import {
  findImageLocation,
  formatImageLocation,
  type ImageLocation,
} from "../../oci/image-location.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import { formatReference } from "../../oci/reference.ts";
import type { ImageSource, SourceManifest } from "../../oci/transfer.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { gateOf } from "../images/assert-admitted.ts";
import { copyImage } from "../images/copy-image.ts";
import { ensureImage } from "../images/ensure-image.ts";
import { storeName } from "../images/load-images.ts";
import { type NamedSource, openSource } from "../images/open-location.ts";
import { withCandidates } from "../images/pull-image.ts";
import { storeDestination } from "../images/store-destination.ts";
import { takeListed } from "../images/take-listed.ts";
import type { PullOptions } from "../types.ts";
import { entriesOf, pinnedLocation } from "./add-to-list.ts";

/**
 * Fetches what a name stands for with all of its platforms: it is a manifest list of the store then,
 * which is pushed and saved byte for byte.  The image for this host is unpacked, if there is one.
 * What has one platform only is pulled as ever.
 *
 * @returns the id of the list, or of the image
 * @throws TsmanError as a pull
 */
export async function pullList(
  context: EngineContext,
  text: string,
  options: PullOptions,
): Promise<string> {
  const written = findImageLocation(text);
  if (written !== undefined && written.transport !== "docker") {
    return await pullFrom(context, written, options);
  }
  const name = written === undefined ? text : formatReference(written.reference);
  return await withCandidates(context, name, options, async (reference) => {
    options.onProgress?.({ kind: "resolving", reference: formatReference(reference) });
    return await pullFrom(context, { transport: "docker", reference }, options);
  });
}

async function pullFrom(
  context: EngineContext,
  location: ImageLocation,
  options: PullOptions,
): Promise<string> {
  const { signal, onProgress } = options;
  await using source = await openSource(context, location, options);
  const top = await source.readManifest();
  if (parseManifestOrIndex(top.bytes, top.mediaType).kind === "manifest") {
    return (await ensureImage(context, formatImageLocation(location), options)).id;
  }
  const list = await fetchList(context, source, { location, top }, options);
  try {
    await takeListed(context, list, { signal, onProgress });
  } catch (error) {
    // None of it is for this host; then it is there to be handed on.
    if (!isTsmanError(error, "PLATFORM_NOT_FOUND")) throw error;
  }
  const name = list.names[0] ?? list.id;
  context.events.emit({ type: "image", status: "pull", id: list.id, name });
  onProgress?.({ kind: "done", id: list.id, reference: name });
  return list.id;
}

async function fetchList(
  context: EngineContext,
  source: NamedSource,
  { location, top }: { readonly location: ImageLocation; readonly top: SourceManifest },
  options: PullOptions,
): Promise<ManifestListRecord> {
  const { store } = context;
  const { signal, onProgress } = options;
  // Nobody collects what no list names yet.
  await using _content = await store.lockContent({ shared: true, signal });
  const fixed: ImageSource = {
    ...source,
    // What was looked at is what is copied: asked again, a registry could give another index.
    readManifest: async (digest) =>
      digest === undefined ? top : await source.readManifest(digest),
  };
  const destination = storeDestination(context, source.name);
  const admit = gateOf(context, location, options);
  await copyImage(fixed, destination, { all: true, admit, signal, onProgress });
  const entries = await entriesOf(context, fixed, {
    name: formatImageLocation(location),
    source: formatImageLocation(pinnedLocation(context, location, top)),
    all: true,
  });
  const names = namesOf(location, source);
  const known = names.map((name) => store.manifestLists.findByName(name));
  const [same] = known;
  if (same?.original?.digest === top.digest && known.every((one) => one?.id === same.id)) {
    return same;
  }
  const { digest, mediaType, bytes } = top;
  const content = [...destination.content];
  const original = { digest, mediaType, size: bytes.length, content };
  return store.manifestLists.put({ names, entries, original });
}

function namesOf(location: ImageLocation, { names = [] }: NamedSource): readonly string[] {
  if (location.transport !== "docker") return [...new Set(names.flatMap(storeName))];
  const { reference } = location;
  return reference.digest === undefined ? [formatReference(reference)] : [];
}
