import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "./descriptor.ts";
import { type Digest, sha256Digest } from "./digest.ts";
import type { Index, Manifest } from "./manifest.ts";
import {
  formatOfType,
  type ImageFormat,
  isImageConfigType,
  layerCompression,
  layerMediaType,
  mediaTypes,
} from "./media-types.ts";
import type { SourceManifest } from "./transfer.ts";

/**
 * Writes a manifest in the other format; config and layers stay byte for byte, so that the image
 * keeps its id.  One that has the format is returned as it is.
 *
 * @throws TsmanError MANIFEST_INVALID for what is no image
 */
export function convertManifest(
  source: SourceManifest,
  manifest: Manifest,
  format: ImageFormat,
): SourceManifest {
  if (formatOfType(manifest.mediaType) === format) return source;
  const isOci = format === "oci";
  if (!isImageConfigType(manifest.config.mediaType)) {
    throw unconvertible(source, `its config is of media type ${manifest.config.mediaType}`);
  }
  const annotations = Object.keys(manifest.annotations).length > 0 && isOci;
  return encoded({
    schemaVersion: 2,
    mediaType: isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest,
    config: {
      ...linkOf(manifest.config),
      mediaType: isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig,
    },
    layers: manifest.layers.map((layer) => {
      const compression = layerCompression(layer.mediaType);
      if (compression === undefined) {
        throw unconvertible(source, `layer ${layer.digest} is of media type ${layer.mediaType}`);
      }
      return {
        ...linkOf(layer),
        mediaType: layerMediaType(format, compression),
        // Docker's manifests have no annotations.
        ...(isOci && layer.annotations !== undefined && { annotations: layer.annotations }),
      };
    }),
    ...(annotations && { annotations: manifest.annotations }),
  });
}

/**
 * An index whose manifests were converted.
 *
 * @param converted by the digest that the index names
 */
export function convertIndex(
  source: SourceManifest,
  index: Index,
  converted: ReadonlyMap<Digest, SourceManifest>,
  format: ImageFormat,
): SourceManifest {
  const isSame = [...converted].every(([digest, manifest]) => manifest.digest === digest);
  if (isSame && formatOfType(index.mediaType) === format) return source;
  // The document itself, since it may say more than what we know (os.version, features).
  const document = JSON.parse(source.bytes.toString("utf8")) as {
    readonly manifests: readonly (Record<string, unknown> & { readonly digest: Digest })[];
  };
  const mediaType = format === "oci" ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  return encoded({
    ...document,
    mediaType,
    manifests: document.manifests.map((entry) => {
      const manifest = converted.get(entry.digest);
      if (manifest === undefined) return entry;
      const { mediaType: type, digest, bytes } = manifest;
      return { ...entry, mediaType: type, digest, size: bytes.length };
    }),
  });
}

function linkOf({ mediaType, digest, size, urls }: Descriptor): Descriptor {
  return { mediaType, size, digest, ...(urls !== undefined && { urls }) };
}

function encoded(document: Readonly<Record<string, unknown>>): SourceManifest {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, mediaType: String(document.mediaType), digest: sha256Digest(bytes) };
}

function unconvertible({ digest }: SourceManifest, why: string): TsmanError {
  return new TsmanError("MANIFEST_INVALID", `convert manifest ${digest}: ${why}`, {
    hint: "copy it as it is, to a place that takes it: docker://, dir:, or oci: for OCI's types",
  });
}
