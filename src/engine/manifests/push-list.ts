import { TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import { findImageLocation, parseImageLocation } from "../../oci/image-location.ts";
import { maxManifestBytes } from "../../oci/manifest.ts";
import { writeIndex } from "../../oci/manifest-list.ts";
import { parseReference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/transfer.ts";
import { verifiedBytes } from "../../oci/verified-bytes.ts";
import type { ManifestListRecord } from "../../store/manifest-lists.ts";
import type { EngineContext } from "../context.ts";
import { copyPacked } from "../images/copy-packed.ts";
import { openDestination, openSource } from "../images/open-location.ts";
import type { PushManifestOptions } from "../manifest-types.ts";
import type { PushResult } from "../push-types.ts";
import { getRecord } from "./change-list.ts";

/** Sends a list, and the images that it names, to a registry or to another place. */
export async function pushList(
  context: EngineContext,
  list: string,
  destination: string | undefined,
  options: PushManifestOptions,
): Promise<PushResult> {
  const record = getRecord(context, list);
  const text = destination ?? record.name;
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
    const index = writeIndex(record.entries);
    await place.writeManifest(index, { isTop: true });
    await place.commit();
    return { id: index.digest, digest: index.digest, destination: place.name };
  }
  await using source = listSource(context, record, options);
  const digest = await copyPacked(context, source, place, { ...options, all: true });
  return { id: digest, digest, destination: place.name };
}

/** A list as a place to copy from: blobs that the store lacks come from where each image is. */
function listSource(
  context: EngineContext,
  { name, entries }: ManifestListRecord,
  { signal }: PushManifestOptions,
): ImageSource {
  const { blobs } = context.store;
  const opened = new Map<string, Promise<ImageSource>>();
  const sourceOf = async (digest: Digest): Promise<ImageSource> => {
    const entry = entries.find((one) => one.blobs.includes(digest));
    if (entry === undefined) {
      throw new TsmanError("INTERNAL", `push manifest list ${name}: nobody has blob ${digest}`);
    }
    const { source } = entry;
    const known = opened.get(source) ?? openSource(context, parseImageLocation(source), { signal });
    opened.set(source, known);
    return await known;
  };
  return {
    name,
    readManifest: async (digest) => {
      if (digest === undefined) return writeIndex(entries);
      const mediaType = entries.find((entry) => entry.digest === digest)?.mediaType ?? "";
      return { bytes: blobs.readVerified(digest, maxManifestBytes), mediaType, digest };
    },
    async *readBlob(descriptor, inner) {
      const { digest } = descriptor;
      if (blobs.has(digest)) {
        yield* verifiedBytes(blobs.read(digest), descriptor, `read blob of ${name}`);
      } else {
        yield* (await sourceOf(digest)).readBlob(descriptor, inner);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const source of opened.values()) {
        await (await source.catch(() => undefined))?.[Symbol.asyncDispose]();
      }
    },
  };
}
