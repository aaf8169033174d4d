import { TsmanError } from "../errors/index.ts";
import type { ImageSelector } from "../oci/image-location.ts";
import type { ArchivedImage } from "./archived-image.ts";
import { shown } from "./image-files.ts";

/** Names in a message. */
const mostNames = 10;

/**
 * The one image that is meant.
 *
 * @param place as messages name it
 * @param selector missing: the only one
 * @throws TsmanError IMAGE_NOT_FOUND, USAGE when it could be several
 */
export function chooseImage(
  images: readonly ArchivedImage[],
  place: string,
  selector: ImageSelector | undefined,
): ArchivedImage {
  const matching = images.filter((image, position) => {
    if (selector === undefined) return true;
    return "name" in selector
      ? image.names.includes(selector.name)
      : selector.position === position;
  });
  const [first, ...others] = matching;
  if (first !== undefined && others.length === 0) return first;
  const names = images.flatMap((image, position) => image.names[0] ?? `@${position}`);
  const list = names.slice(0, mostNames).map(shown).join(", ");
  const wanted = selector && ("name" in selector ? selector.name : `number ${selector.position}`);
  if (first === undefined) {
    throw new TsmanError(
      "IMAGE_NOT_FOUND",
      `read ${place}: it has no image ${wanted ?? "at all"}`,
      {
        hint: list === "" ? undefined : `it has: ${list}`,
      },
    );
  }
  throw new TsmanError("USAGE", `read ${place}: several images are meant`, {
    hint: `name one after the path, or its position as @0: it has ${list}`,
  });
}
