/** Media types of image-spec/media-types.md and of Docker's Image Manifest V2, Schema 2. */
export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
} as const;

/** How the documents of an image are written. */
export type ImageFormat = "oci" | "docker";

/** What a registry is asked for when a tag or digest is resolved, best first. */
export const acceptedManifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.dockerManifestList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
];

/** How the bytes of a layer are packed. */
export type Compression = "none" | "gzip" | "zstd";

const layerTypes: ReadonlyMap<string, Compression> = new Map([
  ["application/vnd.oci.image.layer.v1.tar", "none"],
  ["application/vnd.oci.image.layer.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.v1.tar+zstd", "zstd"],
  // "Non-distributable" layers are deprecated; a registry may hold them, and only it is asked:
  // the descriptor's urls are never followed (case S50).
  ["application/vnd.oci.image.layer.nondistributable.v1.tar", "none"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip"],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.diff.tar.gzip", "gzip"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.diff.tar.zstd", "zstd"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar", "none"],
  ["application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "gzip"],
]);

/** How a layer of this media type is packed; undefined if it is not a layer that can be unpacked. */
export function layerCompression(mediaType: string): Compression | undefined {
  return layerTypes.get(mediaType);
}

const writtenLayerTypes: Readonly<Record<ImageFormat, Readonly<Record<Compression, string>>>> = {
  oci: {
    none: "application/vnd.oci.image.layer.v1.tar",
    gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  },
  docker: {
    none: "application/vnd.docker.image.rootfs.diff.tar",
    gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  },
};

/** The media type of a layer that is packed in some way. */
export function layerMediaType(format: ImageFormat, compression: Compression): string {
  return writtenLayerTypes[format][compression];
}

/** The format that a manifest or index of this media type is written in. */
export function formatOfType(mediaType: string): ImageFormat {
  return mediaType.startsWith("application/vnd.oci.") ? "oci" : "docker";
}

/** Whether this is an image manifest (one platform). */
export function isManifestType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest;
}

/** Whether this is an image index or manifest list (several platforms). */
export function isIndexType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerManifestList;
}

/** Whether this is the config of something that can be run. */
export function isImageConfigType(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig;
}

/** The media type of a Content-Type header: without parameters, lower case (RFC 9110, 8.3.1). */
export function mediaTypeOfHeader(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return undefined;
  const end = contentType.indexOf(";");
  const bare = (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  return bare === "" ? undefined : bare;
}
