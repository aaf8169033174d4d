import { TsmanError } from "../../errors/index.ts";
import { findImageLocation, type ImageLocation } from "../../oci/image-location.ts";
import { formatName, parseReference, type Reference } from "../../oci/reference.ts";
import type { EngineContext } from "../context.ts";
import { pushList } from "../manifests/push-list.ts";
import type { PushOptions, PushResult } from "../push-types.ts";
import { copyPacked } from "./copy-packed.ts";
import { findManifestList, getImage, writtenName } from "./find-image.ts";
import { openDestination } from "./open-location.ts";
import { storeSource } from "./store-source.ts";

/**
 * Sends an image of the store, or a manifest list with its images, to a registry or another place.
 * What is not changed goes as it came, so that digests stay the same.
 *
 * @param destination `NAME` of a registry, or `TRANSPORT:…`; missing: the name by which the image
 * was called.
 * @throws TsmanError IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, REGISTRY_*, DIGEST_MISMATCH,
 * INTERRUPTED
 */
export async function pushImage(
  context: EngineContext,
  nameOrId: string,
  destination: string | undefined,
  options: PushOptions = {},
): Promise<PushResult> {
  const list = await findManifestList(context, nameOrId);
  if (list !== undefined) {
    // As Podman: whoever pushes a list by the verb for images means the images.
    return await pushList(context, nameOrId, destination, { ...options, all: true });
  }
  if (options.all === true) {
    throw new TsmanError(
      "USAGE",
      `push image ${nameOrId} with all platforms: the store has one of them only`,
      {
        hint: "copy it from its registry: tsman image copy --all docker://SOURCE docker://DESTINATION; or make a list: tsman manifest create",
      },
    );
  }
  const image = await getImage(context, nameOrId);
  const text = destination ?? (await writtenName(context, image.names, nameOrId));
  const target = targetOf(nameOrId, text);
  await using place = await openDestination(context, target, options);
  options.onProgress?.({ kind: "pushing", destination: place.name });
  // What is sent is not to be collected meanwhile.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  await using source = storeSource(context, image, nameOrId, { signal: options.signal });
  const digest = await copyPacked(context, source, place, options);
  if (digest === image.manifestDigest && target.transport === "docker") {
    // So the next push of its layers to this registry finds them there.
    context.store.images.addDigest(image.id, `${formatName(target.reference)}@${digest}`);
  }
  context.events.emit({ type: "image", status: "push", id: image.id, name: place.name });
  return { id: image.id, digest, destination: place.name };
}

function targetOf(nameOrId: string, text: string | undefined): ImageLocation {
  if (text === undefined) {
    throw new TsmanError("USAGE", `push image ${nameOrId}: an id does not say where to`, {
      hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
    });
  }
  const location = findImageLocation(text) ?? docker(parseReference(text));
  if (location.transport !== "docker" || location.reference.registry !== "localhost") {
    return location;
  }
  throw new TsmanError("USAGE", `push image ${nameOrId}: localhost/ is this host, no registry`, {
    hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
  });
}

function docker(reference: Reference): ImageLocation {
  return { transport: "docker", reference };
}
