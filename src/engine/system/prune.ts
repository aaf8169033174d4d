import { isTsmanError, toTsmanError } from "../../errors/index.ts";
import { collectGarbage, collectIdleMappings } from "../../store/gc.ts";
import { listContainers } from "../containers/list-containers.ts";
import { removeContainer } from "../containers/remove-container.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { dropBlobs } from "../images/drop-blobs.ts";
import { allListedIds, listedIds } from "../images/listed-image.ts";
import { removeImage } from "../images/remove-image.ts";
import type { Pruned, PruneOptions } from "../system-types.ts";
import { removeVolume } from "./remove-volume.ts";
import { volumeUsers } from "./volume-users.ts";

/**
 * Removes what nobody uses: containers first, which give images and volumes free.  What another
 * command begins to use meanwhile stays.
 */
export async function* prune(
  context: EngineContext,
  options: PruneOptions,
): AsyncGenerator<Pruned> {
  if (options.containers === true) yield* pruneContainers(context, options);
  if (options.images !== undefined) yield* pruneImages(context, options);
  if (options.volumes === true) yield* pruneVolumes(context, options);
  if (options.leftOver === true) {
    const removeTree = (tree: string) => discardTree(context, tree);
    await collectGarbage(context.store, { removeTree, partialBlobAge: 0 });
    const { key } = mappingFor(context, { mode: "default" });
    await collectIdleMappings(context.store, key, { removeTree });
    await dropBlobs(context);
    context.store.ensureReserve();
  }
}

async function* pruneContainers(
  context: EngineContext,
  { accepts, signal }: PruneOptions,
): AsyncGenerator<Pruned> {
  for (const container of await listContainers(context, { all: true })) {
    const isOver = container.state === "created" || container.state === "stopped";
    if (!isOver || accepts?.(container) === false) continue;
    signal?.throwIfAborted();
    const { id } = container;
    yield* attempt("container", id, async () => {
      await removeContainer(context, id);
      return true;
    });
  }
}

async function* pruneImages(
  context: EngineContext,
  { images, accepts, signal }: PruneOptions,
): AsyncGenerator<Pruned> {
  const all = images === "unused";
  const { store } = context;
  // Lists first: some images are here for them only.
  for (const list of store.manifestLists.list()) {
    if (!all && list.names.length > 0) continue;
    const isUsed = listedIds(list).some((id) => store.containers.listByImage(id).length > 0);
    if (isUsed || accepts?.({ labels: {}, createdAt: list.createdAt }) === false) continue;
    signal?.throwIfAborted();
    yield* attempt("image", list.id, async () => {
      const how = all ? { allNames: true } : { onlyNameless: true };
      return (await removeImage(context, list.id, how)).deleted.length > 0;
    });
  }
  const listed = allListedIds(store);
  for (const { id, names, config, createdAt } of store.images.list()) {
    if (names.length === 0 ? listed.has(id) : !all) continue;
    if (store.containers.listByImage(id).length > 0) continue;
    if (accepts?.({ labels: config.config.labels, createdAt }) === false) continue;
    signal?.throwIfAborted();
    yield* attempt("image", id, async () => {
      const how = all ? { allNames: true } : { onlyNameless: true };
      return (await removeImage(context, id, how)).deleted.length > 0;
    });
  }
  // And what belongs to none: of a pull whose image was removed while it ended, for example.
  await collectGarbage(store, { removeTree: (tree) => discardTree(context, tree) });
}

async function* pruneVolumes(
  context: EngineContext,
  { accepts, signal }: PruneOptions,
): AsyncGenerator<Pruned> {
  const users = volumeUsers(context);
  for (const { name, createdAt } of context.store.volumes.list()) {
    if (users.has(name) || accepts?.({ labels: {}, createdAt }) === false) continue;
    signal?.throwIfAborted();
    yield* attempt("volume", name, async () => await removeVolume(context, name));
  }
}

/** Started, used or removed by another command since: that is no failure. */
const usedMeanwhile = [
  "CONTAINER_RUNNING",
  "CONTAINER_NOT_FOUND",
  "IMAGE_IN_USE",
  "IMAGE_NOT_FOUND",
] as const;

async function* attempt(
  kind: Pruned["kind"],
  id: string,
  work: () => Promise<boolean>,
): AsyncGenerator<Pruned> {
  try {
    if (await work()) yield { kind, id };
  } catch (thrown) {
    if (usedMeanwhile.some((code) => isTsmanError(thrown, code))) return;
    yield { kind, id, error: toTsmanError(thrown, `remove ${kind} ${id}`) };
  }
}
