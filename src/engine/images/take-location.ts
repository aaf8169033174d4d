import { TsmanError } from "../../errors/index.ts";
import { formatImageLocation, type ImageLocation } from "../../oci/image-location.ts";
import { imageNameOfNpm } from "../../oci/npm-reference.ts";
import { formatReference } from "../../oci/reference.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";
import { gateOf } from "./assert-admitted.ts";
import { ensureImage, serves } from "./ensure-image.ts";
import { getImage } from "./find-image.ts";
import { storeName } from "./load-images.ts";
import { openSource } from "./open-location.ts";
import { takeImage } from "./take-image.ts";

/**
 * The image of a location, in the store: `pull oci:DIR`, `run docker-archive:FILE`.  One of a file
 * is looked at each time, since it may be another one by now; what the store has of it stays.
 *
 * @throws TsmanError as {@link ensureImage}, and what the place throws
 */
export async function takeLocation(
  context: EngineContext,
  location: ImageLocation,
  options: PullOptions,
): Promise<ImageRecord> {
  if (location.transport === "docker") {
    return await ensureImage(context, formatReference(location.reference), options);
  }
  if (location.transport === "containers-storage") return await getImage(context, location.image);
  const name = formatImageLocation(location);
  if (options.policy === "never") {
    throw new TsmanError("USAGE", `take ${name}: the pull policy says never`, {
      hint: "leave out --pull=never, or name an image of the store",
    });
  }
  if (location.transport === "npm" && options.policy === "missing") {
    const known = context.store.images.findByName(imageNameOfNpm(location.package));
    if (known !== undefined && serves(known, options)) return known;
  }
  const { platform, signal, onProgress } = options;
  onProgress?.({ kind: "resolving", reference: name });
  await using source = await openSource(context, location, options);
  const names = [...new Set(source.names?.flatMap(storeName))];
  const image = await takeImage(context, source, {
    names,
    admit: gateOf(context, location, options),
    platform,
    signal,
    onProgress,
  });
  context.events.emit({ type: "image", status: "pull", id: image.id, name });
  onProgress?.({ kind: "done", id: image.id, reference: name });
  return image;
}
