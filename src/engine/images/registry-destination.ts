import type { Reference } from "../../oci/reference.ts";
import { registryAttempt } from "../../oci/registry-rules.ts";
import type { ImageDestination } from "../../oci/transfer.ts";
import { openRegistryDestination } from "../../registry/image-destination.ts";
import { claimUploadNote } from "../../store/upload-notes.ts";
import type { EngineContext } from "../context.ts";
import { repositoriesWith } from "./known-repositories.ts";
import { type AccessOptions, clientOptions } from "./registry-access.ts";

/** A repository as a place to write an image to, where the configuration says that it is. */
export async function openRepository(
  context: EngineContext,
  reference: Reference,
  options: AccessOptions,
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
    claimNote: (blob) =>
      claimUploadNote(context.store.root, `${client.registry}/${client.repository}`, blob),
  });
}
