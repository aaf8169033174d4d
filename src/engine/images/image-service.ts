import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { familiarName, localCandidates, parseReference } from "../../oci/reference.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import { collectContent } from "../../store/gc.ts";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import type { ImageRemoval, ImageService, ImageSummary } from "../types.ts";
import { ensureImage } from "./ensure-image.ts";
import { embeddedImageName, embeddedImageRemoved, findImage, getImage } from "./find-image.ts";

/** The image part of the engine over a context. */
export function createImageService(context: EngineContext): ImageService {
  return {
    async pull(reference, options = {}) {
      const image = await ensureImage(context, reference, {
        ...options,
        policy: options.policy ?? "always",
      });
      return { id: image.id };
    },
    async list() {
      // The embedded image is in every store from the first use on, also when that is `images`.
      await unlessUnwritable(() => findImage(context, embeddedImageName, { revive: false }));
      return context.store.images.list().map((image) => summaryOf(context, image));
    },
    async find(nameOrId) {
      const image = await findImage(context, nameOrId);
      if (image === undefined) return undefined;
      const { inspectImage } = await import("./inspect-image.ts");
      return await inspectImage(context, image, summaryOf(context, image));
    },
    async remove(nameOrId, options = {}) {
      return await removeImage(context, nameOrId, options.force ?? false);
    },
  };
}

/** A store that cannot be written, on a full disk say, can be looked at all the same. */
async function unlessUnwritable(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isTsmanError(error, "DISK_FULL") && !isTsmanError(error, "PREFLIGHT_STORAGE")) throw error;
  }
}

function summaryOf(context: EngineContext, image: ImageRecord): ImageSummary {
  const { config } = image;
  return {
    id: image.id,
    names: image.names,
    repoDigests: image.digests,
    digest: image.manifestDigest,
    createdAt: image.createdAt,
    size: unpackedSize(context, image),
    labels: config.config.labels,
    platform: { os: config.os, architecture: config.architecture, variant: config.variant },
    containers: context.store.containers.listByImage(image.id).length,
  };
}

/** Of the layers where they are unpacked, else compressed. */
function unpackedSize(context: EngineContext, image: ImageRecord): number {
  const key = mappingFor(context, { mode: "default" }).key;
  return image.layers.reduce(
    (sum, layer) => sum + (context.store.layers.size(key, layer.chainId) ?? layer.size),
    0,
  );
}

/**
 * Removes an image, or one of its names.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, IMAGE_IN_USE
 */
export async function removeImage(
  context: EngineContext,
  nameOrId: string,
  force: boolean,
): Promise<ImageRemoval> {
  const image = await getImage(context, nameOrId, { revive: false });
  const { containers, images } = context.store;
  const name = writtenName(image, nameOrId);
  if (name !== undefined && image.names.length > 1) {
    images.untag(name);
    await noteRemoval(context, [name]);
    context.events.emit({ type: "image", status: "untag", id: image.id, name });
    return { untagged: [name], deleted: [] };
  }
  if (name === undefined && image.names.length > 1 && !force) {
    throw new TsmanError(
      "IMAGE_IN_USE",
      `remove image ${image.id}: it has several names: ${image.names.join(", ")}`,
      { hint: "remove the names one by one, or all with --force" },
    );
  }
  const users = containers.listByImage(image.id);
  if (users.length > 0 && !force) throw inUse(image, users);
  if (users.length > 0) {
    const { removeContainer } = await import("../containers/remove-container.ts");
    for (const user of users) await removeContainer(context, user.id, { force: true });
  }
  if (!images.remove(image.id)) {
    const latest = containers.listByImage(image.id);
    // Without any, another command has removed it a moment ago.
    if (latest.length > 0) throw inUse(image, latest);
  }
  for (const one of image.names) {
    context.events.emit({ type: "image", status: "untag", id: image.id, name: one });
  }
  context.events.emit({ type: "image", status: "remove", id: image.id, name: name ?? image.id });
  await collectContent(context.store, { removeTree: (tree) => discardTree(context, tree) });
  context.store.ensureReserve();
  await noteRemoval(context, image.names);
  return { untagged: [...image.names], deleted: [image.id] };
}

/** The embedded image stays away until somebody names it again. */
async function noteRemoval(context: EngineContext, names: readonly string[]): Promise<void> {
  if (!names.includes(embeddedImageName)) return;
  await unlessUnwritable(async () => context.store.settings.set(embeddedImageRemoved, "yes"));
}

function inUse(image: ImageRecord, users: readonly ContainerRecord[]): TsmanError {
  const names = users.map((user) => user.name).join(", ");
  return new TsmanError(
    "IMAGE_IN_USE",
    `remove image ${familiar(image)}: used by container ${names}`,
    { hint: "remove the containers first, or with the image: tsman rmi --force" },
  );
}

/** The name of the image that the user wrote, if it was a name. */
function writtenName(image: ImageRecord, text: string): string | undefined {
  if (text.startsWith("sha256:")) return undefined;
  return localCandidates(text).find((candidate) => image.names.includes(candidate));
}

function familiar(image: ImageRecord): string {
  const [name] = image.names;
  return name === undefined ? image.id : familiarName(parseReference(name));
}
