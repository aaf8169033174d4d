import { parseImageLocation } from "../../oci/image-location.ts";
import { hostPlatform, matchPlatform } from "../../oci/platform.ts";
import { formatName } from "../../oci/reference.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { listSource } from "../manifests/list-source.ts";
import type { PullOptions } from "../types.ts";
import { type AdmitImage, gateOf } from "./assert-admitted.ts";
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
  const { digest } = matchPlatform(list.entries, platform);
  const location = parseImageLocation(
    list.entries.find((entry) => entry.digest === digest)?.source ?? "",
  );
  const reference = location.transport === "docker" ? location.reference : undefined;
  const gate = gateOf(context, location, { signal });
  const pinned = reference?.digest === undefined ? [] : [reference.digest];
  // The index that led to the manifest when it was added; the list itself nobody has signed.
  const admit: AdmitImage | undefined = gate && (async () => await gate([digest, ...pinned]));
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
  if (reference === undefined) return image;
  const repository = formatName(reference);
  for (const each of [digest, ...pinned]) {
    context.store.images.addDigest(image.id, `${repository}@${each}`);
  }
  return image;
}
