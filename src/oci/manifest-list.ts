import { type Digest, sha256Digest } from "./digest.ts";
import { formatOfType, mediaTypes } from "./media-types.ts";
import type { SourceManifest } from "./transfer.ts";

/** For which platform an entry of an index is; image-spec/image-index.md. */
export interface ListedPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
  readonly osVersion?: string | undefined;
  readonly osFeatures?: readonly string[] | undefined;
  readonly features?: readonly string[] | undefined;
}

/** An entry of an index that is being made. */
export interface ListedManifest {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  readonly platform: ListedPlatform;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The index of these manifests: Docker's manifest list where all are Docker's, and nothing is said
 * that it has no place for.
 */
export function writeIndex(entries: readonly ListedManifest[]): SourceManifest {
  const isDocker =
    entries.length > 0 &&
    entries.every(
      ({ mediaType, annotations }) =>
        formatOfType(mediaType) === "docker" && Object.keys(annotations).length === 0,
    );
  const mediaType = isDocker ? mediaTypes.dockerManifestList : mediaTypes.ociIndex;
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries.map(wireEntry) }),
  );
  return { bytes, mediaType, digest: sha256Digest(bytes) };
}

function wireEntry({ mediaType, size, digest, platform, annotations }: ListedManifest): object {
  const { architecture, os, variant, osVersion, osFeatures, features } = platform;
  return {
    mediaType,
    size,
    digest,
    platform: {
      architecture,
      os,
      ...(osVersion !== undefined && { "os.version": osVersion }),
      ...(osFeatures !== undefined && { "os.features": osFeatures }),
      ...(variant !== undefined && { variant }),
      ...(features !== undefined && { features }),
    },
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}
