import type { FaultyRegistry } from "./faulty-registry.ts";
import { type BuiltLayer, layerOf } from "./tar-builder.ts";

const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const configType = "application/vnd.oci.image.config.v1+json";

/** An image to be served; anything in it may be a lie. */
export interface ImageFixture {
  /** Repository and tag. */
  readonly name: string;
  readonly tag?: string;
  readonly layers: readonly (BuiltLayer | Buffer)[];
  /** `config` of the image configuration: Cmd, Env … */
  readonly config?: object;
  readonly architecture?: string;
  readonly variant?: string;
  /** Instead of the true ones. */
  readonly diffIds?: readonly string[];
  /** Merged over the true manifest. */
  readonly manifest?: object;
  /** Merged over the true layer descriptors, by position. */
  readonly descriptors?: readonly object[];
}

/** Digests of what {@link addImage} put into the registry. */
export interface AddedImage {
  readonly digest: string;
  readonly size: number;
  readonly configDigest: string;
  readonly layers: readonly BuiltLayer[];
}

/** GOARCH of this host. */
export const hostArchitecture = process.arch === "x64" ? "amd64" : process.arch;

/** Puts an image, given as tar archives, into a scripted registry. */
export function addImage(registry: FaultyRegistry, fixture: ImageFixture): AddedImage {
  const layers = fixture.layers.map((layer) => (Buffer.isBuffer(layer) ? layerOf(layer) : layer));
  for (const layer of layers) registry.addBlob(layer.blob);
  const config = JSON.stringify({
    architecture: fixture.architecture ?? hostArchitecture,
    ...(fixture.variant === undefined ? {} : { variant: fixture.variant }),
    os: "linux",
    config: fixture.config ?? {},
    rootfs: { type: "layers", diff_ids: fixture.diffIds ?? layers.map((layer) => layer.diffId) },
  });
  const configDigest = registry.addBlob(config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: manifestType,
    config: { mediaType: configType, digest: configDigest, size: Buffer.byteLength(config) },
    layers: layers.map((layer, position) => ({
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.blob.length,
      ...fixture.descriptors?.[position],
    })),
    ...fixture.manifest,
  });
  const tag = fixture.tag ?? "latest";
  const digest = registry.addManifest(fixture.name, tag, manifestType, manifest);
  return { digest, size: Buffer.byteLength(manifest), configDigest, layers };
}

/** One entry of an index: an added image and the platform that the index claims for it. */
export interface IndexChild {
  readonly image: AddedImage;
  readonly platform: { os: string; architecture: string; variant?: string };
}

/** Puts an index over images that are already there; returns its digest. */
export function addIndex(
  registry: FaultyRegistry,
  name: string,
  children: readonly IndexChild[],
  tag = "latest",
): string {
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: indexType,
    manifests: children.map(({ image, platform }) => ({
      mediaType: manifestType,
      digest: image.digest,
      size: image.size,
      platform,
    })),
  });
  return registry.addManifest(name, tag, indexType, index);
}
