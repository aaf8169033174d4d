import { TsmanError } from "../../errors/index.ts";
import { formatReference, parseReference } from "../../oci/reference.ts";
import { localNames } from "../../oci/short-names.ts";
import type { EngineContext } from "../context.ts";
import { getImage, noteRemoval, writtenName } from "./find-image.ts";

/**
 * The full name that an image of this host gets: a short one becomes one of `localhost/`, as in
 * Podman.
 *
 * @throws TsmanError REFERENCE_INVALID; USAGE for a digest
 */
export function newImageName(text: string): string {
  const [local = text] = localNames(text);
  const reference = parseReference(local);
  if (reference.digest === undefined) return formatReference(reference);
  throw new TsmanError("USAGE", `name an image ${text}: a digest is what an image has by itself`, {
    hint: "give a name and a tag",
  });
}

/** Gives an image more names: all, or, where one is wrong, none. */
export async function tagImage(
  context: EngineContext,
  nameOrId: string,
  names: readonly string[],
): Promise<void> {
  const full = names.map(newImageName);
  const { id } = await getImage(context, nameOrId);
  context.store.transaction(() => {
    for (const name of full) context.store.images.tag(id, name);
  });
  context.events.emit(...full.map((name) => ({ type: "image", status: "tag", id, name }) as const));
}

/** Takes these names of an image away, or, without any, all; where one is not its own, none. */
export async function untagImage(
  context: EngineContext,
  nameOrId: string,
  names: readonly string[] = [],
): Promise<void> {
  const { images } = context.store;
  const image = await getImage(context, nameOrId, { revive: false });
  const doomed: string[] = names.length === 0 ? [...image.names] : [];
  for (const name of names) {
    const own = await writtenName(context, image.names, name);
    if (own === undefined) throw foreignName(image.names, name, nameOrId);
    doomed.push(own);
  }
  const gone = context.store.transaction(() =>
    doomed.filter((name) => images.untag(image.id, name)),
  );
  await noteRemoval(context, gone);
  context.events.emit(
    ...gone.map((name) => ({ type: "image", status: "untag", id: image.id, name }) as const),
  );
}

function foreignName(names: readonly string[], text: string, nameOrId: string): TsmanError {
  const own = names.length === 0 ? "it has none" : `its names are ${names.join(", ")}`;
  return new TsmanError("IMAGE_NOT_FOUND", `untag image ${nameOrId}: ${text} is not its name`, {
    hint: own,
  });
}
