import { existsSync, readFileSync } from "node:fs";
import type { ImageRecord } from "../../store/images.ts";
import { type EngineContext, mappingFor } from "../context.ts";
import type { ImageDetails, RootfsPaths } from "../details-types.ts";
import type { ImageSummary } from "../types.ts";

/** What is shown of an image besides what lists show; its manifest is read for that. */
export async function inspectImage(
  context: EngineContext,
  image: ImageRecord,
  summary: ImageSummary,
): Promise<ImageDetails> {
  const { mediaType, annotations } = await manifestOf(context, image);
  return {
    ...summary,
    config: image.config,
    manifestType: mediaType,
    annotations,
    rootfs: unpackedPaths(context, image),
  };
}

async function manifestOf(context: EngineContext, { manifestDigest, id }: ImageRecord) {
  const unknown = { mediaType: "", annotations: {} };
  const file = context.store.blobs.path(manifestDigest);
  if (!existsSync(file)) return unknown;
  const { parseManifestOrIndex } = await import("../../oci/manifest.ts");
  try {
    const manifest = parseManifestOrIndex(readFileSync(file), undefined);
    return manifest.kind === "manifest" && manifest.config.digest === id ? manifest : unknown;
  } catch {
    // It was verified when it came; a disk may damage it since, and the rest can be shown all the same.
    return unknown;
  }
}

/** Topmost first; undefined unless all of it is unpacked for the default id mapping. */
function unpackedPaths(context: EngineContext, image: ImageRecord): RootfsPaths | undefined {
  const { key } = mappingFor(context, { mode: "default" });
  const { layers } = context.store;
  if (!image.layers.every(({ chainId }) => layers.has(key, chainId))) return undefined;
  return { lowers: image.layers.map(({ chainId }) => layers.diffPath(key, chainId)).reverse() };
}
