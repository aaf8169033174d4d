import { TsmanError } from "../../errors/index.ts";
import { formatReference, localCandidates, parseReference } from "../../oci/reference.ts";
import type { EngineContext } from "../context.ts";
import { getImage, noteRemoval } from "./find-image.ts";

/**
 * The full name that an image of this host gets: a short one becomes one of `localhost/`, as in
 * Podman.
 *
 * @throws TsmanError REFERENCE_INVALID; USAGE for a digest
 */
export function newImageName(text: string): string {
  const [local = text] = localCandidates(text);
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
  const doomed =
    names.length === 0 ? image.names : names.map((name) => ownName(image.names, name, nameOrId));
  const gone = context.store.transaction(() =>
    doomed.filter((name) => images.untag(image.id, name)),
  );
  await noteRemoval(context, gone);
  context.events.emit(
    ...gone.map((name) => ({ type: "image", status: "untag", id: image.id, name }) as const),
  );
}

function ownName(names: readonly string[], text: string, nameOrId: string): string {
  const name = localCandidates(text).find((candidate) => names.includes(candidate));
  if (name !== undefined) return name;
  const own = names.length === 0 ? "it has none" : `its names are ${names.join(", ")}`;
  throw new TsmanError("IMAGE_NOT_FOUND", `untag image ${nameOrId}: ${text} is not its name`, {
    hint: own,
  });
}
