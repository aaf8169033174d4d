import { TsmanError } from "../../errors/index.ts";
import { localCandidates } from "../../oci/reference.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";

/** The image that every installation brings: `images/busybox`. */
export const embeddedImageName = "localhost/busybox:latest";

/** At least this much of an id, so that short names are rarely taken for one. */
const idPrefix = /^(?:sha256:)?[0-9a-f]{3,64}$/;

/**
 * Looks an image up in the store only: by name (local names first, as Podman does), by digest
 * reference, then by id or unique id prefix.
 *
 * @param text what the user wrote.
 * @throws TsmanError REFERENCE_INVALID for what can be neither name nor id.
 */
export async function findImage(
  context: EngineContext,
  text: string,
): Promise<ImageRecord | undefined> {
  const { images } = context.store;
  if (text.startsWith("sha256:") && idPrefix.test(text)) return images.findById(text);
  for (const name of localCandidates(text)) {
    const found = images.findByName(name);
    if (found !== undefined) return found;
    if (name === embeddedImageName) {
      // Loaded on a miss only: parsing documents is not for the path of a present image.
      const { adoptEmbeddedImage } = await import("./embedded-image.ts");
      const adopted = await adoptEmbeddedImage(context);
      if (adopted !== undefined) return adopted;
    }
  }
  return idPrefix.test(text) ? images.findById(text) : undefined;
}

/**
 * Like {@link findImage}.
 *
 * @throws TsmanError IMAGE_NOT_FOUND
 */
export async function getImage(context: EngineContext, text: string): Promise<ImageRecord> {
  const image = await findImage(context, text);
  if (image !== undefined) return image;
  throw new TsmanError("IMAGE_NOT_FOUND", `find image ${text}: not in the local store`, {
    hint: `fetch it with: tsman pull ${text}`,
    details: { image: text },
  });
}
