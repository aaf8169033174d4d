import { TsmanError } from "../../errors/index.ts";
import { formatReference, parseReference } from "../../oci/reference.ts";
import { localNames } from "../../oci/short-names.ts";
import type { EngineContext } from "../context.ts";
import {
  type FindOptions,
  findManifestList,
  getImage,
  noteRemoval,
  writtenName,
} from "./find-image.ts";

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

/** Gives an image, or a manifest list, more names: all, or, where one is wrong, none. */
export async function tagImage(
  context: EngineContext,
  nameOrId: string,
  names: readonly string[],
): Promise<void> {
  const full = names.map(newImageName);
  const { id, tag } = await getNamed(context, nameOrId);
  context.store.transaction(() => full.forEach(tag));
  context.events.emit(...full.map((name) => ({ type: "image", status: "tag", id, name }) as const));
}

/** Takes these names of an image, or of a manifest list, away, or, without any, all; where one is not its own, none. */
export async function untagImage(
  context: EngineContext,
  nameOrId: string,
  names: readonly string[] = [],
): Promise<void> {
  const image = await getNamed(context, nameOrId, { revive: false });
  const doomed: string[] = names.length === 0 ? [...image.names] : [];
  for (const name of names) {
    const own = await writtenName(context, image.names, name);
    if (own === undefined) throw foreignName(image.names, name, nameOrId);
    doomed.push(own);
  }
  const gone = context.store.transaction(() => doomed.filter(image.untag));
  await noteRemoval(context, gone);
  context.events.emit(
    ...gone.map((name) => ({ type: "image", status: "untag", id: image.id, name }) as const),
  );
}

/** What can have names: an image or a manifest list. */
interface Named {
  readonly id: string;
  readonly names: readonly string[];
  readonly tag: (name: string) => void;
  /** Whether it had the name. */
  readonly untag: (name: string) => boolean;
}

async function getNamed(
  context: EngineContext,
  nameOrId: string,
  options: FindOptions = {},
): Promise<Named> {
  const { images, manifestLists } = context.store;
  const list = await findManifestList(context, nameOrId);
  if (list !== undefined) {
    const { id, names } = list;
    return {
      id,
      names,
      tag: (name) => manifestLists.tag(id, name),
      untag: (name) => manifestLists.untag(id, name),
    };
  }
  const { id, names } = await getImage(context, nameOrId, options);
  return {
    id,
    names,
    tag: (name) => images.tag(id, name),
    untag: (name) => images.untag(id, name),
  };
}

function foreignName(names: readonly string[], text: string, nameOrId: string): TsmanError {
  const own = names.length === 0 ? "it has none" : `its names are ${names.join(", ")}`;
  return new TsmanError("IMAGE_NOT_FOUND", `untag image ${nameOrId}: ${text} is not its name`, {
    hint: own,
  });
}
