import { mkdirSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import { nativeProgram } from "../../platform/native.ts";
import { runProgram } from "../../platform/process.ts";
import type { IdMapping } from "../../rootless/id-mapping.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { ImageMountPoint } from "../image-types.ts";
import { mountedTargets, unmountTarget } from "../mounted.ts";
import { assertOwnNamespace, ownMapping } from "../own-namespace.ts";
import { ensureLayers } from "./ensure-layers.ts";
import { getImage } from "./find-image.ts";
import { visibleLayers } from "./opaque-root.ts";
import { originClient } from "./origin-client.ts";

/** Mounts the files of an image, read-only, in this process's mount namespace. */
export async function mountImage(
  context: EngineContext,
  nameOrId: string,
): Promise<ImageMountPoint> {
  const image = await getImage(context, nameOrId);
  assertOwnNamespace(`image ${nameOrId}`, {
    session: `tsman unshare sh -c 'ls "$(tsman image mount ${nameOrId})"'`,
    instead: `copy files out of a container: tsman create ${nameOrId}, and tsman cp CONTAINER:PATH .`,
  });
  const mapping = ownMapping();
  const target = mountPoint(context, image, mapping);
  const point = { id: image.id, names: image.names, path: target };
  if (mountedTargets().has(target)) return point;
  await using client = originClient(context, image, {});
  await ensureLayers(context, image, { mapping, client });
  // The kernel wants two directories for an overlay without an upper one: below all is an empty one.
  const below = `${target}.below`;
  for (const directory of [target, below]) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const words = [
    "mount",
    target,
    "read-overlay",
    ...layerDirectories(context, image, mapping),
    below,
  ];
  const result = await runProgram(nativeProgram(), words);
  if (result.status === 0) return point;
  const why = result.stderr.toString("utf8").trim();
  throw new TsmanError("RUNTIME_FAILED", `mount image ${nameOrId}: ${why}`);
}

/** Unmounts it from this process's mount namespace; whether it was mounted there. */
export async function unmountImage(
  context: EngineContext,
  nameOrId: string,
  options: { readonly force?: boolean | undefined } = {},
): Promise<boolean> {
  const image = await getImage(context, nameOrId);
  const target = image.layers.length === 0 ? "" : mountPoint(context, image, ownMapping());
  if (!mountedTargets().has(target)) return false;
  unmountTarget(target, options.force === true);
  return true;
}

/** The images that are mounted in this process's mount namespace. */
export function listImageMounts(context: EngineContext): ImageMountPoint[] {
  const targets = mountedTargets();
  const mapping = ownMapping();
  return context.store.images.list().flatMap((image) => {
    if (image.layers.length === 0) return [];
    const target = mountPoint(context, image, mapping);
    return targets.has(target) ? [{ id: image.id, names: image.names, path: target }] : [];
  });
}

/** Topmost first. */
function layerDirectories({ store }: EngineContext, image: ImageRecord, { key }: IdMapping) {
  const directories = image.layers.map(({ chainId }) => store.layers.diffPath(key, chainId));
  return visibleLayers(directories.reverse());
}

/** Beside the files of its topmost layer, with which it goes; images of the same layers share it. */
function mountPoint({ store }: EngineContext, image: ImageRecord, { key }: IdMapping): string {
  const top = image.layers.at(-1);
  if (top === undefined) {
    throw new TsmanError("USAGE", `mount image ${image.id}: it has no files`, {
      hint: "see its layers with: tsman image tree",
    });
  }
  return path.join(path.dirname(store.layers.diffPath(key, top.chainId)), "merged");
}
