import { TsmanError } from "../../errors/index.ts";
import { chainIds } from "../../oci/chain-id.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ImageConfig } from "../../oci/image-config.ts";
import type { Manifest } from "../../oci/manifest.ts";
import type { ImageRecord } from "../../store/images.ts";

/** What an image is made of, once its manifest and config have been read and verified. */
export interface ImageParts {
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  readonly config: ImageConfig;
  /** Full `name:tag`s that the image gets. */
  readonly names: readonly string[];
  /** `repository@digest` under which it was fetched. */
  readonly digests: readonly string[];
}

/**
 * The store's record of an image.
 *
 * @throws TsmanError MANIFEST_INVALID when manifest and config disagree on the number of layers.
 */
export function imageRecord(parts: ImageParts): ImageRecord {
  const { manifest, config } = parts;
  const { diffIds } = config.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new TsmanError(
      "MANIFEST_INVALID",
      `read image ${parts.manifestDigest}: its manifest has ${manifest.layers.length} layers, ` +
        `its config ${diffIds.length} diffIDs`,
    );
  }
  const chain = chainIds(diffIds);
  return {
    id: manifest.config.digest,
    manifestDigest: parts.manifestDigest,
    config,
    layers: manifest.layers.map((layer, index) => ({
      diffId: diffIds[index] as (typeof diffIds)[number],
      chainId: chain[index] as (typeof chain)[number],
      blob: layer.digest,
      size: layer.size,
      mediaType: layer.mediaType,
    })),
    size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
    createdAt: config.created ?? new Date(0).toISOString(),
    names: parts.names,
    digests: parts.digests,
  };
}
