import { TsmanError } from "../../errors/index.ts";
import { familiarName, parseReference } from "../../oci/reference.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { collectContent } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { ImageRemoval, RemoveImageOptions } from "../image-types.ts";
import { findManifestList, getImage, noteRemoval, writtenName } from "./find-image.ts";

/**
 * Removes an image or manifest list, or one of its names.  Other commands may give it names, make containers of it or
 * remove it meanwhile: what is decided here is checked again by the statement that does it.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, IMAGE_IN_USE, USAGE for the id of an image with several names
 */
export async function removeImage(
  context: EngineContext,
  nameOrId: string,
  options: RemoveImageOptions = {},
): Promise<ImageRemoval> {
  const { images } = context.store;
  const list = await findManifestList(context, nameOrId);
  if (list !== undefined) {
    const { removeListed } = await import("./remove-listed.ts");
    return await removeListed(context, list, nameOrId, options);
  }
  const untagged: string[] = [];
  for (;;) {
    const found = await getImage(context, nameOrId, { revive: false }).catch((error: unknown) => {
      // The name went, and another command has removed the rest.
      if (untagged.length > 0) return undefined;
      throw error;
    });
    if (found === undefined) return { untagged, deleted: [] };
    if (options.onlyNameless === true && found.names.length > 0) return { untagged, deleted: [] };
    const name = await writtenName(context, found.names, nameOrId);
    if (name !== undefined && found.names.length > 1 && options.allNames !== true) {
      if (images.untag(found.id, name)) {
        await noteRemoval(context, [name]);
        context.events.emit({ type: "image", status: "untag", id: found.id, name });
        untagged.push(name);
      }
      // Another command may have taken the other names away meanwhile; then it goes with this one.
      if (images.findById(found.id)?.names.length !== 0) return { untagged, deleted: [] };
      return await removeImage(context, found.id, options).then(({ deleted }) => ({
        untagged,
        deleted,
      }));
    }
    if (name === undefined && found.names.length > 1) assertAllMayGo(found, options);
    await freeImage(context, found, options);
    if (images.remove(found.id, found.names)) {
      await tidyUp(context, found, name);
      return { untagged: [...found.names], deleted: [found.id] };
    }
    const latest = context.store.containers.listByImage(found.id);
    if (latest.length > 0 && options.force !== true) throw inUse(found, latest);
    // Else it was removed, named or used by another command a moment ago: look again.
  }
}

function assertAllMayGo(image: ImageRecord, { force, allNames }: RemoveImageOptions): void {
  if (force === true || allNames === true) return;
  throw severalNames("image", image);
}

/** What has several names is not removed by its id. */
export function severalNames(
  what: string,
  { id, names }: { readonly id: string; readonly names: readonly string[] },
): TsmanError {
  return new TsmanError(
    "USAGE",
    `remove ${what} ${id}: it has several names: ${names.join(", ")}`,
    {
      hint: "remove the names one by one, or all with --force",
    },
  );
}

/** Removes the containers that were made from it, with `force`. */
async function freeImage(
  context: EngineContext,
  image: ImageRecord,
  { force }: RemoveImageOptions,
): Promise<void> {
  const users = context.store.containers.listByImage(image.id);
  if (users.length === 0) return;
  if (force !== true) throw inUse(image, users);
  const { removeContainer } = await import("../containers/remove-container.ts");
  for (const user of users) await removeContainer(context, user.id, { force: true });
}

async function tidyUp(
  context: EngineContext,
  { id, names }: ImageRecord,
  name: string | undefined,
): Promise<void> {
  context.events.emit(
    ...names.map((one) => ({ type: "image", status: "untag", id, name: one }) as const),
    { type: "image", status: "remove", id, name: name ?? id },
  );
  await collectContent(context.store, { removeTree: (tree) => discardTree(context, tree) });
  context.store.ensureReserve();
  await noteRemoval(context, names);
}

function inUse(image: ImageRecord, users: readonly ContainerRecord[]): TsmanError {
  const names = users.map((user) => user.name).join(", ");
  return new TsmanError(
    "IMAGE_IN_USE",
    `remove image ${familiar(image)}: used by container ${names}`,
    { hint: "remove the containers first, or with the image: tsman rmi --force" },
  );
}

function familiar(image: ImageRecord): string {
  const [name] = image.names;
  return name === undefined ? image.id : familiarName(parseReference(name));
}
