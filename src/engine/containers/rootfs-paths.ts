import path from "node:path";
import type { ContainerRecord } from "../../store/containers.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { RootfsPaths } from "../details-types.ts";

/**
 * Where the layers of a container's root are.
 *
 * @param image the container's; without it, only what is the container's own.
 */
export function rootfsPaths(
  context: EngineContext,
  { id, options, mapping, driver }: ContainerRecord,
  image?: ImageRecord,
): RootfsPaths {
  const dir = context.store.containers.dir(id);
  if (options.rootfs?.overlay === false) return { lowers: [], root: options.rootfs.path };
  if (driver === "copy") return { lowers: [], root: path.join(dir, "rootfs") };
  const layers = image?.layers ?? [];
  const lowers = layers
    .map(({ chainId }) => context.store.layers.diffPath(mapping.key, chainId))
    .reverse();
  return {
    lowers: options.rootfs === undefined ? lowers : [options.rootfs.path],
    upper: path.join(dir, "upper"),
    work: path.join(dir, "work"),
  };
}
