import { TsmanError } from "../../errors/index.ts";
import { type DiffId, type Digest, sha256Digest } from "../../oci/digest.ts";
import { parseImageConfig } from "../../oci/image-config.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import {
  type ImageFormat,
  layerCompression,
  layerMediaType,
  mediaTypes,
} from "../../oci/media-types.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { imageRecord } from "./image-record.ts";

/** A layer whose blob the store has. */
export interface WrittenLayer {
  readonly blob: Digest;
  readonly size: number;
  readonly mediaType: string;
  readonly diffId: DiffId;
}

/**
 * Enters an image that was made here: writes its config and manifest.  The store's content must be
 * locked.
 *
 * @param config the image config as JSON, all but `rootfs`.
 * @param name full `registry/repository:tag`, or none.
 */
export function writeImage(
  context: EngineContext,
  config: Readonly<Record<string, unknown>>,
  layers: readonly WrittenLayer[],
  { format, name }: { readonly format: ImageFormat; readonly name: string | undefined },
): ImageRecord {
  const { blobs, images } = context.store;
  const rootfs = { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) };
  const configBytes = Buffer.from(JSON.stringify({ ...config, rootfs }));
  const configDigest = sha256Digest(configBytes);
  const isOci = format === "oci";
  const manifestBytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest,
      config: {
        mediaType: isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig,
        digest: configDigest,
        size: configBytes.length,
      },
      layers: layers.map(({ blob, size, mediaType }) => ({
        mediaType: layerMediaType(format, layerCompression(mediaType) ?? "none"),
        digest: blob,
        size,
      })),
    }),
  );
  const manifestDigest = sha256Digest(manifestBytes);
  const manifest = parseManifestOrIndex(manifestBytes, undefined);
  if (manifest.kind !== "manifest") throw new TsmanError("INTERNAL", "wrote an index as manifest");
  blobs.put(configDigest, configBytes);
  blobs.put(manifestDigest, manifestBytes);
  const record = imageRecord({
    manifest,
    manifestDigest,
    config: parseImageConfig(configBytes),
    names: name === undefined ? [] : [name],
    digests: [],
  });
  images.put(record);
  return record;
}
