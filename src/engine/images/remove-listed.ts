import { collectContent } from "../../store/gc.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { ImageRemoval, RemoveImageOptions } from "../image-types.ts";
import { writtenName } from "./find-image.ts";
import { listedIds } from "./listed-image.ts";
import { severalNames } from "./remove-image.ts";

/**
 * Removes a manifest list, or one of its names; with the list go the images that have no name and
 * that only it named, unless a container was made of them.
 *
 * @param text as the user called it
 * @throws TsmanError USAGE for the id of a list with several names
 */
export async function removeListed(
  context: EngineContext,
  list: ManifestListRecord,
  text: string,
  { force, allNames, onlyNameless }: RemoveImageOptions,
): Promise<ImageRemoval> {
  const { images, manifestLists } = context.store;
  const { id, names } = list;
  if (onlyNameless === true && names.length > 0) return { untagged: [], deleted: [] };
  const name = await writtenName(context, names, text);
  const isOne = name !== undefined && names.length > 1 && allNames !== true;
  if (isOne) {
    const isGone = manifestLists.untag(id, name);
    if (isGone) context.events.emit({ type: "image", status: "untag", id, name });
    return { untagged: isGone ? [name] : [], deleted: [] };
  }
  if (name === undefined && names.length > 1 && force !== true && allNames !== true) {
    throw severalNames("manifest list", list);
  }
  // A name that it was given a moment ago keeps it.
  if (!manifestLists.remove(id, names)) return { untagged: [], deleted: [] };
  const others = new Set(manifestLists.list().flatMap(listedIds));
  const deleted: string[] = [id];
  for (const listed of images.list()) {
    if (!listedIds(list).includes(listed.id) || others.has(listed.id)) continue;
    if (listed.names.length === 0 && images.remove(listed.id, [])) deleted.push(listed.id);
  }
  context.events.emit(
    ...names.map((one) => ({ type: "image", status: "untag", id, name: one }) as const),
    ...deleted.map((one) => ({ type: "image", status: "remove", id: one, name: one }) as const),
  );
  await collectContent(context.store, { removeTree: (tree) => discardTree(context, tree) });
  context.store.ensureReserve();
  return { untagged: names, deleted };
}
