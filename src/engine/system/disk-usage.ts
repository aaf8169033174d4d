import { usedBlobs, usedMappings } from "../../store/gc.ts";
import { listContainers } from "../containers/list-containers.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import type { DiskUsage, UsageSum } from "../system-types.ts";
import { treeSizes } from "../tree-sizes.ts";
import { imageParts, remainsOf, usedByFile } from "./image-parts.ts";
import { volumeUsers } from "./volume-users.ts";

/** What the store takes, and who. */
export async function diskUsage(context: EngineContext): Promise<DiskUsage> {
  const { store } = context;
  const images = store.images.list();
  const containers = await listContainers(context, { all: true });
  const volumes = store.volumes.list();
  const parts = imageParts(store);
  const remains = remainsOf(store);
  const trees = await treeSizes(context, [
    store.root,
    ...parts.directories,
    ...remains.directories,
    ...containers.map(({ id }) => store.containers.dir(id)),
    ...volumes.map(({ name }) => store.volumes.dir(name)),
  ]);
  // What cannot be read, or has gone meanwhile, takes nothing.
  const used = (place: string): number => trees.get(place)?.used ?? usedByFile(place);
  const usedByAll = (places: Iterable<string>): number => total([...places], used);

  const users = new Map<string, number>();
  for (const part of images.flatMap((image) => [...parts.of(image)])) {
    users.set(part, (users.get(part) ?? 0) + 1);
  }
  const inUse = new Set(containers.map(({ imageId }) => imageId));
  const mappings = usedMappings(store, mappingFor(context, { mode: "default" }).key);
  const needed = new Set(
    images
      .filter(({ id }) => inUse.has(id))
      .flatMap((image) => [...parts.of(image)])
      .filter((part) => !parts.isOfOtherMapping(part, mappings)),
  );
  const imageRows = images.map((image) => {
    const own = parts.of(image);
    return {
      id: image.id,
      names: image.names,
      createdAt: image.createdAt,
      size: usedByAll(own),
      sharedSize: usedByAll([...own].filter((part) => (users.get(part) ?? 0) > 1)),
      containers: containers.filter(({ imageId }) => imageId === image.id).length,
    };
  });
  const containerRows = containers.map((container) => ({
    ...container,
    usedSize: used(store.containers.dir(container.id)),
  }));
  const links = volumeUsers(context);
  const volumeRows = volumes.map(({ name }) => ({
    name,
    size: used(store.volumes.dir(name)),
    links: links.get(name)?.length ?? 0,
  }));
  const sums = {
    images: sumOf(
      usedByAll(users.keys()),
      usedByAll([...users.keys()].filter((part) => !needed.has(part))),
    ),
    containers: sumOf(
      total(containerRows, ({ usedSize }) => usedSize),
      total(containerRows, ({ usedSize, state }) => (isRunning(state) ? 0 : usedSize)),
    ),
    volumes: sumOf(
      total(volumeRows, ({ size }) => size),
      total(volumeRows, ({ size, links: count }) => (count > 0 ? 0 : size)),
    ),
  };
  const known = sums.images.size + sums.containers.size + sums.volumes.size;
  const listed = new Set([...usedBlobs(store)].map((digest) => store.blobs.path(digest)));
  const left = [...parts.all].filter((part) => !users.has(part) && !listed.has(part));
  const other = sumOf(
    Math.max(0, used(store.root) - known),
    usedByAll([...left, ...remains.directories, ...remains.files]),
  );
  return {
    images: imageRows,
    containers: containerRows,
    volumes: volumeRows,
    sums: { ...sums, other },
  };
}

function isRunning(state: string): boolean {
  return state === "running" || state === "paused";
}

function sumOf(size: number, reclaimable: number): UsageSum {
  return { size, reclaimable: Math.min(size, reclaimable) };
}

function total<T>(items: readonly T[], bytes: (item: T) => number): number {
  return items.reduce((sum, item) => sum + bytes(item), 0);
}
