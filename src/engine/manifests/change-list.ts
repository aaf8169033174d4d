import { TsmanError } from "../../errors/index.ts";
import { writeIndex } from "../../oci/manifest-list.ts";
import type { SourceManifest } from "../../oci/transfer.ts";
import { collectContent } from "../../store/gc.ts";
import type { ManifestListEntry, ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { findImage, findManifestList } from "../images/find-image.ts";
import { newImageName } from "../images/name-image.ts";
import { readStoredManifest } from "../images/store-source.ts";
import type { ManifestList, ManifestNotes } from "../manifest-types.ts";

/** Makes an empty list. */
export async function createList(
  context: EngineContext,
  text: string,
  options: { readonly amend?: boolean | undefined } = {},
): Promise<ManifestList> {
  const name = newImageName(text);
  const { manifestLists } = context.store;
  const present = options.amend === true ? manifestLists.findByName(name) : undefined;
  return documentOf(context, present ?? manifestLists.create(name));
}

/** A list by name, as the user writes it, or id. */
export async function findList(
  context: EngineContext,
  text: string,
): Promise<ManifestList | undefined> {
  const record = await findManifestList(context, text);
  return record === undefined ? undefined : documentOf(context, record);
}

/** @throws TsmanError IMAGE_NOT_FOUND */
export async function getRecord(context: EngineContext, text: string): Promise<ManifestListRecord> {
  const record = await findManifestList(context, text);
  if (record !== undefined) return record;
  const isImage = (await findImage(context, text, { revive: false })) !== undefined;
  const why = isImage ? "it is an image and no list" : "there is none";
  throw new TsmanError("IMAGE_NOT_FOUND", `find manifest list ${text}: ${why}`, {
    hint: `make one with: tsman manifest create ${isImage ? `NAME ${text}` : text}`,
  });
}

/** The index that a list is: as it came, or written anew. */
export function indexOf(context: EngineContext, list: ManifestListRecord): SourceManifest {
  const { id, names, entries, original } = list;
  if (original === undefined) return writeIndex(entries);
  const { digest, mediaType } = original;
  return { ...readStoredManifest(context, names[0] ?? id, digest), mediaType };
}

/** The list with its document. */
export function documentOf(context: EngineContext, list: ManifestListRecord): ManifestList {
  const { id, names } = list;
  const { digest, mediaType, bytes } = indexOf(context, list);
  return { id, names, digest, mediaType, bytes };
}

/** Says more about an entry, or something else. */
export async function annotate(
  context: EngineContext,
  list: string,
  image: string,
  notes: ManifestNotes,
): Promise<ManifestList> {
  const { id } = await getRecord(context, list);
  return documentOf(
    context,
    context.store.manifestLists.update(id, (entries) => {
      const meant = entryOf(entries, list, image);
      return entries.map((entry) => (meant.includes(entry) ? withNotes(entry, notes) : entry));
    }),
  );
}

/** Takes an entry out; what only it needed of the store goes. */
export async function removeEntry(
  context: EngineContext,
  list: string,
  image: string,
): Promise<ManifestList> {
  const { id } = await getRecord(context, list);
  const changed = context.store.manifestLists.update(id, (entries) => {
    const meant = entryOf(entries, list, image);
    return entries.filter((entry) => !meant.includes(entry));
  });
  await collect(context);
  return documentOf(context, changed);
}

/** Forgets a list, all of its names; the images that it names stay. */
export async function removeList(context: EngineContext, list: string): Promise<void> {
  const { id } = await getRecord(context, list);
  context.store.manifestLists.remove(id);
  await collect(context);
}

async function collect(context: EngineContext): Promise<void> {
  await collectContent(context.store, { removeTree: (tree) => discardTree(context, tree) });
}

/** The entry with what is noted over what it said. */
export function withNotes(entry: ManifestListEntry, notes: ManifestNotes): ManifestListEntry {
  const { annotations, ...platform } = notes;
  const said = Object.fromEntries(
    Object.entries(platform).filter(([, value]) => value !== undefined),
  );
  return {
    ...entry,
    platform: { ...entry.platform, ...said },
    annotations: { ...entry.annotations, ...annotations },
  };
}

/** By digest, or by the name with which it came: then it may be several, of an index. */
function entryOf(
  entries: readonly ManifestListEntry[],
  list: string,
  image: string,
): readonly ManifestListEntry[] {
  const found = entries.filter(({ digest, name }) => digest === image || name === image);
  if (found.length > 0) return found;
  const digests = entries.map(({ digest }) => digest).join(", ");
  throw new TsmanError(
    "IMAGE_NOT_FOUND",
    `find ${image} in manifest list ${list}: it is not there`,
    {
      hint: entries.length === 0 ? "the list is empty" : `it has ${digests}`,
    },
  );
}
