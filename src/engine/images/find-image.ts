import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { Platform } from "../../oci/platform.ts";
import { isShortName } from "../../oci/reference.ts";
import { localNames } from "../../oci/short-names.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";

/** The image that every installation brings: `images/busybox`. */
export const embeddedImageName = "localhost/busybox:latest";

/** At least this much of an id, so that short names are rarely taken for one. */
const idPrefix = /^(?:sha256:)?[0-9a-f]{3,64}$/;

/**
 * What tsman prints as an id, or more of it: no name goes before that, since an archive names its
 * images as it likes.
 */
const shownId = /^[0-9a-f]{12,64}$/;

/** Set in a store from which the embedded image was removed: only its name brings it back. */
export const embeddedImageRemoved = "embedded-image-removed";

/** What {@link findImage} takes. */
export interface FindOptions {
  /** Take the embedded image up again though it was removed; default: true. */
  readonly revive?: boolean | undefined;
  /** Of a manifest list, the image for it; missing: this host's. */
  readonly platform?: Platform | undefined;
}

/**
 * Looks an image up in the store only: by what is printed as an id; by name (local names first, as
 * Podman does), by digest reference, then by id or unique id prefix.
 *
 * @param text what the user wrote.
 * @throws TsmanError REFERENCE_INVALID for what can be neither name nor id.
 */
export async function findImage(
  context: EngineContext,
  text: string,
  options: FindOptions = {},
): Promise<ImageRecord | undefined> {
  const { images, manifestLists } = context.store;
  if (text.startsWith("sha256:") && idPrefix.test(text)) return images.findById(text);
  const shown = shownId.test(text) ? images.findById(text) : undefined;
  if (shown !== undefined) return shown;
  for (const name of await namesFor(context, text)) {
    const found = images.findByName(name);
    if (found !== undefined) return found;
    const list = manifestLists.findByName(name);
    if (list !== undefined) return await fromList(context, list, options);
    const isRemoved = (): boolean => context.store.settings.get(embeddedImageRemoved) === "yes";
    if (name === embeddedImageName && (options.revive !== false || !isRemoved())) {
      // Loaded on a miss only: parsing documents is not for the path of a present image.
      const { adoptEmbeddedImage } = await import("./embedded-image.ts");
      const adopted = await adoptEmbeddedImage(context);
      if (adopted !== undefined) return adopted;
    }
  }
  if (!idPrefix.test(text)) return undefined;
  const found = images.findById(text);
  if (found !== undefined) return found;
  const list = manifestLists.findById(text);
  return list === undefined ? undefined : await fromList(context, list, options);
}

async function fromList(
  { store }: EngineContext,
  list: ManifestListRecord,
  { platform }: FindOptions,
): Promise<ImageRecord | undefined> {
  const { listedImage } = await import("./listed-image.ts");
  return listedImage(store, list, platform);
}

/**
 * A manifest list by name or id, unless an image is what is called so; looked up as
 * {@link findImage} does it.
 */
export async function findManifestList(
  context: EngineContext,
  text: string,
): Promise<ManifestListRecord | undefined> {
  const { images, manifestLists } = context.store;
  if (shownId.test(text) && images.findById(text) !== undefined) return undefined;
  if (!text.startsWith("sha256:")) {
    for (const name of await namesFor(context, text)) {
      const list = manifestLists.findByName(name);
      if (list !== undefined) return list;
      if (images.findByName(name) !== undefined) return undefined;
    }
  }
  if (!idPrefix.test(text) || images.findById(text) !== undefined) return undefined;
  return manifestLists.findById(text.replace(/^sha256:/, ""));
}

/** The full names that a name may stand for in the store, in the order in which to look. */
export async function namesFor(context: EngineContext, text: string): Promise<readonly string[]> {
  // A full name means the same whatever is configured.
  return isShortName(text) ? localNames(text, await context.shortNames()) : localNames(text);
}

/** Which of these names of an image the user wrote, if it was one of them. */
export async function writtenName(
  context: EngineContext,
  names: readonly string[],
  text: string,
): Promise<string | undefined> {
  if (text.startsWith("sha256:")) return undefined;
  const candidates = await namesFor(context, text);
  return candidates.find((candidate) => names.includes(candidate));
}

/**
 * Like {@link findImage}.
 *
 * @throws TsmanError IMAGE_NOT_FOUND
 */
export async function getImage(
  context: EngineContext,
  text: string,
  options: FindOptions = {},
): Promise<ImageRecord> {
  const image = await findImage(context, text, options);
  if (image !== undefined) return image;
  const isList = (await findManifestList(context, text)) !== undefined;
  const why = isList
    ? "the list of that name has none for this host here"
    : "not in the local store";
  throw new TsmanError("IMAGE_NOT_FOUND", `find image ${text}: ${why}`, {
    hint: isList ? `see tsman manifest inspect ${text}` : `fetch it with: tsman pull ${text}`,
    details: { image: text },
  });
}

/** A store that cannot be written, on a full disk say, can be looked at all the same. */
export async function unlessUnwritable(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isTsmanError(error, "DISK_FULL") && !isTsmanError(error, "PREFLIGHT_STORAGE")) throw error;
  }
}

/** The embedded image stays away until somebody names it again. */
export async function noteRemoval(context: EngineContext, names: readonly string[]): Promise<void> {
  if (!names.includes(embeddedImageName)) return;
  await unlessUnwritable(async () => context.store.settings.set(embeddedImageRemoved, "yes"));
}
