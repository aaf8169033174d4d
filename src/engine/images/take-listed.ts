import { parseImageLocation } from "../../oci/image-location.ts";
import { hostPlatform, matchPlatform } from "../../oci/platform.ts";
import { formatName } from "../../oci/reference.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { gateOfEntry, listSource } from "../manifests/list-source.ts";
import type { PullOptions } from "../types.ts";
import { takeImage } from "./take-image.ts";

/**
 * Takes the image of a list that is for a platform out of it: what the store has of it, and the rest
 * from where it was when it was added.  It gets no name: the list has that.
 *
 * @throws TsmanError PLATFORM_NOT_FOUND, listing what there is, and as `takeImage`
 */
export async function takeListed(
  context: EngineContext,
  list: ManifestListRecord,
  options: Pick<PullOptions, "platform" | "signal" | "onProgress"> = {},
): Promise<ImageRecord> {
  const { platform = hostPlatform(), signal, onProgress } = options;
  const entry = matchPlatform(list.entries, platform, list.names[0] ?? list.id);
  const admit = gateOfEntry(context, entry, { signal });
  // Nobody collects what is read meanwhile.
  await using _content = await context.store.lockContent({ shared: true, signal });
  await using source = listSource(context, list, options);
  const image = await takeImage(context, source, {
    names: [],
    admit,
    platform,
    signal,
    onProgress,
  });
  const location = parseImageLocation(entry.source);
  if (location.transport !== "docker") return image;
  const { reference } = location;
  for (const digest of [
    entry.digest,
    ...(reference.digest === undefined ? [] : [reference.digest]),
  ]) {
    context.store.images.addDigest(image.id, `${formatName(reference)}@${digest}`);
  }
  return image;
}
