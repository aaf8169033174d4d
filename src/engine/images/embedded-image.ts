import { existsSync } from "node:fs";
import path from "node:path";
import { embeddedImagesDir } from "../../platform/native.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { embeddedImageName, embeddedImageRemoved } from "./find-image.ts";
import { importLayout } from "./import-layout.ts";

/**
 * Puts the image that travels with the installation into this user's store, so that
 * `tsman run busybox` needs neither a network nor a load step.
 *
 * @returns undefined when the installation has none (a library build without images).
 */
export async function adoptEmbeddedImage(context: EngineContext): Promise<ImageRecord | undefined> {
  const layout = path.join(embeddedImagesDir(), "busybox");
  if (!existsSync(path.join(layout, "index.json"))) return undefined;
  const image = await importLayout(context, layout, embeddedImageName);
  if (context.store.settings.get(embeddedImageRemoved) !== undefined) {
    context.store.settings.remove(embeddedImageRemoved);
  }
  return image;
}
