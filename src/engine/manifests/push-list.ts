import { TsmanError } from "../../errors/index.ts";
import { findImageLocation } from "../../oci/image-location.ts";
import { parseReference } from "../../oci/reference.ts";
import type { EngineContext } from "../context.ts";
import { copyPacked } from "../images/copy-packed.ts";
import { writtenName } from "../images/find-image.ts";
import { openDestination } from "../images/open-location.ts";
import type { PushManifestOptions } from "../manifest-types.ts";
import type { PushResult } from "../push-types.ts";
import { getRecord, indexOf } from "./change-list.ts";
import { gateOfEntry, listSource } from "./list-source.ts";

/** Sends a list, and the images that it names, to a registry or to another place. */
export async function pushList(
  context: EngineContext,
  list: string,
  destination: string | undefined,
  options: PushManifestOptions,
): Promise<PushResult> {
  const record = await getRecord(context, list);
  const text = destination ?? (await writtenName(context, record.names, list));
  if (text === undefined) {
    throw new TsmanError("USAGE", `push manifest list ${list}: an id does not say where to`, {
      hint: `write where: tsman manifest push ${list} docker://REGISTRY/NAME:TAG`,
    });
  }
  const target = findImageLocation(text) ?? {
    transport: "docker" as const,
    reference: parseReference(text),
  };
  if (target.transport === "docker" && target.reference.registry === "localhost") {
    throw new TsmanError("USAGE", `push manifest list ${list}: localhost/ is no registry`, {
      hint: `write where: tsman manifest push ${list} docker://REGISTRY/NAME:TAG`,
    });
  }
  if (record.entries.length === 0) {
    throw new TsmanError("USAGE", `push manifest list ${list}: it is empty`, {
      hint: `add images with: tsman manifest add ${list} IMAGE`,
    });
  }
  await using place = await openDestination(context, target, options);
  options.onProgress?.({ kind: "pushing", destination: place.name });
  await using _content = await context.store.lockContent({ shared: true, signal: options.signal });
  if (options.all === false) {
    const index = indexOf(context, record);
    await place.writeManifest(index, { isTop: true });
    await place.commit();
    return { id: index.digest, digest: index.digest, destination: place.name };
  }
  const { signal } = options;
  for (const entry of record.entries) {
    // What the store has was let in before.
    if (entry.blobs.every((digest) => context.store.blobs.has(digest))) continue;
    await gateOfEntry(context, entry, { signal })?.();
  }
  await using source = listSource(context, record, options);
  const digest = await copyPacked(context, source, place, { ...options, all: true });
  return { id: digest, digest, destination: place.name };
}
