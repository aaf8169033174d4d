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

/** An image that was made here, before it is entered. */
export interface ComposedImage {
  readonly record: ImageRecord;
  readonly configBytes: Buffer;
  readonly manifestBytes: Buffer;
}

/** How an image is written, and what it is called. */
export interface WriteOptions {
  readonly format: ImageFormat;
  /** Full `registry/repository:tag`, or none. */
  readonly name: string | undefined;
}

/**
 * Enters an image that was made here: writes its config and manifest.  The store's content must be
 * locked.
 *
 * @param config the image config as JSON, all but `rootfs`.
 */
export function writeImage(
  context: EngineContext,
  config: Readonly<Record<string, unknown>>,
  layers: readonly WrittenLayer[],
  options: WriteOptions,
): ImageRecord {
  return enterImage(context, composeImage(config, layers, options));
}

/** Stores the documents of an image, then the image. */
export function enterImage(context: EngineContext, image: ComposedImage): ImageRecord {
  const { blobs, images } = context.store;
  const { record, configBytes, manifestBytes } = image;
  blobs.put(record.id, configBytes);
  blobs.put(record.manifestDigest, manifestBytes);
  images.put(record);
  return record;
}

/** Writes config and manifest of an image. */
export function composeImage(
  config: Readonly<Record<string, unknown>>,
  layers: readonly WrittenLayer[],
  { format, name }: WriteOptions,
): ComposedImage {
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
  const record = imageRecord({
    manifest,
    manifestDigest,
    config: parseImageConfig(configBytes),
    names: name === undefined ? [] : [name],
    digests: [],
  });
  return { record, configBytes, manifestBytes };
}
