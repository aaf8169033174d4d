import { TsmanError } from "../../errors/index.ts";
import { writeIndex } from "../../oci/manifest-list.ts";
import { localNames } from "../../oci/short-names.ts";
import { collectContent } from "../../store/gc.ts";
import type { ManifestListEntry, ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { newImageName } from "../images/name-image.ts";
import type { ManifestList, ManifestNotes } from "../manifest-types.ts";

/** Makes an empty list. */
export function createList(
  context: EngineContext,
  text: string,
  options: { readonly amend?: boolean | undefined } = {},
): ManifestList {
  const name = newImageName(text);
  const { images, manifestLists } = context.store;
  if (images.findByName(name) !== undefined) {
    throw new TsmanError("NAME_IN_USE", `create manifest list ${name}: an image has this name`, {
      hint: "choose another name, or take it away: tsman untag",
    });
  }
  const present = options.amend === true ? manifestLists.find(name) : undefined;
  if (present !== undefined) return documentOf(present);
  const record = { name, entries: [] };
  manifestLists.create(record);
  return documentOf(record);
}

/** A list by a name as the user writes it. */
export function findList(context: EngineContext, text: string): ManifestList | undefined {
  const record = findRecord(context, text);
  return record === undefined ? undefined : documentOf(record);
}

/** @throws TsmanError IMAGE_NOT_FOUND */
export function getRecord(context: EngineContext, text: string): ManifestListRecord {
  const record = findRecord(context, text);
  if (record !== undefined) return record;
  throw new TsmanError("IMAGE_NOT_FOUND", `find manifest list ${text}: there is none`, {
    hint: `make it with: tsman manifest create ${text}`,
  });
}

function findRecord(context: EngineContext, text: string): ManifestListRecord | undefined {
  for (const name of localNames(text)) {
    const record = context.store.manifestLists.find(name);
    if (record !== undefined) return record;
  }
  return undefined;
}

/** The list as the index that it is. */
export function documentOf({ name, entries }: ManifestListRecord): ManifestList {
  const { digest, mediaType, bytes } = writeIndex(entries);
  return { name, digest, mediaType, bytes };
}

/** Says more about an entry, or something else. */
export function annotate(
  context: EngineContext,
  list: string,
  image: string,
  notes: ManifestNotes,
): ManifestList {
  const { name } = getRecord(context, list);
  return documentOf(
    context.store.manifestLists.update(name, (entries) => {
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
  const { name } = getRecord(context, list);
  const changed = context.store.manifestLists.update(name, (entries) => {
    const meant = entryOf(entries, list, image);
    return entries.filter((entry) => !meant.includes(entry));
  });
  await collect(context);
  return documentOf(changed);
}

/** Forgets a list. */
export async function removeList(context: EngineContext, list: string): Promise<void> {
  const { name } = getRecord(context, list);
  context.store.manifestLists.remove(name);
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
