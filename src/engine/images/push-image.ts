import { TsmanError } from "../../errors/index.ts";
import { findImageLocation, formatImageLocation } from "../../oci/image-location.ts";
import { formatName, parseReference, type Reference } from "../../oci/reference.ts";
import { registryAttempt } from "../../oci/registry-rules.ts";
import type { ImageDestination } from "../../oci/transfer.ts";
import { openRegistryDestination } from "../../registry/image-destination.ts";
import type { EngineContext } from "../context.ts";
import type { PushOptions, PushResult } from "../push-types.ts";
import { copyImage } from "./copy-image.ts";
import { getImage, writtenName } from "./find-image.ts";
import { repositoriesWith } from "./known-repositories.ts";
import { clientOptions } from "./registry-access.ts";
import { storeSource } from "./store-source.ts";

/**
 * Sends an image of the store to a registry.  What is not changed goes as it came, so that digests
 * stay the same.
 *
 * @param destination `docker://NAME` or `NAME`; missing: the name by which the image was called.
 * @throws TsmanError IMAGE_NOT_FOUND, USAGE, REFERENCE_INVALID, REGISTRY_*, DIGEST_MISMATCH,
 * INTERRUPTED
 */
export async function pushImage(
  context: EngineContext,
  nameOrId: string,
  destination: string | undefined,
  options: PushOptions = {},
): Promise<PushResult> {
  const image = await getImage(context, nameOrId);
  const text = destination ?? (await writtenName(context, image.names, nameOrId));
  const target = targetOf(nameOrId, text);
  await using place = await openRepository(context, target, options);
  options.onProgress?.({ kind: "pushing", destination: place.name });
  // What is sent is not to be collected meanwhile.
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  await using source = storeSource(context, image, nameOrId, { signal: options.signal });
  const { digest } = await copyImage(source, place, options);
  await place.commit();
  if (digest === image.manifestDigest) {
    // So the next push of its layers to this registry finds them there.
    context.store.images.addDigest(image.id, `${formatName(target)}@${digest}`);
  }
  context.events.emit({ type: "image", status: "push", id: image.id, name: place.name });
  return { id: image.id, digest, destination: place.name };
}

function targetOf(nameOrId: string, text: string | undefined): Reference {
  if (text === undefined) {
    throw new TsmanError("USAGE", `push image ${nameOrId}: an id does not say where to`, {
      hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
    });
  }
  const location = findImageLocation(text);
  if (location !== undefined && location.transport !== "docker") {
    throw new TsmanError(
      "OPTION_UNSUPPORTED",
      `push image ${nameOrId} to ${formatImageLocation(location)}: it is no registry`,
      { hint: "push to docker://REGISTRY/NAME:TAG" },
    );
  }
  const reference = location?.reference ?? parseReference(text);
  if (reference.registry !== "localhost") return reference;
  throw new TsmanError("USAGE", `push image ${nameOrId}: localhost/ is this host, no registry`, {
    hint: `write where: tsman push ${nameOrId} REGISTRY/NAME:TAG`,
  });
}

async function openRepository(
  context: EngineContext,
  reference: Reference,
  options: PushOptions,
): Promise<ImageDestination> {
  const { registries } = await context.settings();
  // Mirrors are for reading.
  const attempt = registryAttempt(reference, registries);
  const client = await clientOptions(context, attempt, options);
  const { tag, digest } = attempt.reference;
  return openRegistryDestination({
    ...client,
    reference: digest ?? tag ?? "latest",
    repositoriesWith: repositoriesWith(context, client.registry),
  });
}
