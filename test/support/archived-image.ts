import { createHash } from "node:crypto";
import { hostArchitecture } from "./image-fixture.ts";
import { type BuiltLayer, layerOf, TarBuilder } from "./tar-builder.ts";

/** An image as the files of an archive; anything in it may be changed before it is packed. */
export interface ArchivedFiles {
  /** By name; what comes first is packed first. */
  readonly files: Map<string, Buffer>;
  /** The image's id. */
  readonly id: string;
  readonly layers: readonly BuiltLayer[];
}

/** How {@link dockerArchive} packs. */
export interface ArchiveFixture {
  readonly layers: readonly Buffer[];
  readonly names?: readonly string[];
  readonly compression?: "gzip" | "zstd" | "none";
  /** Merged over the one entry of manifest.json. */
  readonly entry?: object;
  /** Instead of the true ones. */
  readonly diffIds?: readonly string[];
}

/** The files of an image as `docker save` names them. */
export function dockerArchive(fixture: ArchiveFixture): ArchivedFiles {
  const layers = fixture.layers.map((tar) => layerOf(tar, fixture.compression ?? "none"));
  const config = configOf(fixture.diffIds ?? layers.map(({ diffId }) => diffId));
  const id = digestOf(config);
  const entry = {
    Config: `${id.slice(7)}.json`,
    RepoTags: fixture.names ?? [],
    Layers: layers.map(({ diffId }) => `${diffId.slice(7)}.tar`),
    ...fixture.entry,
  };
  const files = new Map<string, Buffer>();
  for (const { diffId, blob } of layers) files.set(`${diffId.slice(7)}.tar`, blob);
  files.set(`${id.slice(7)}.json`, config);
  files.set("manifest.json", Buffer.from(JSON.stringify([entry])));
  return { files, id, layers };
}

/** The files of an image as an OCI layout. */
export function layoutArchive(fixture: ArchiveFixture): ArchivedFiles {
  const layers = fixture.layers.map((tar) => layerOf(tar, fixture.compression ?? "gzip"));
  const config = configOf(fixture.diffIds ?? layers.map(({ diffId }) => diffId));
  const id = digestOf(config);
  const files = new Map<string, Buffer>();
  const add = (bytes: Buffer): string => {
    files.set(`blobs/sha256/${digestOf(bytes).slice(7)}`, bytes);
    return digestOf(bytes);
  };
  for (const { blob } of layers) add(blob);
  add(config);
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: id,
        size: config.length,
      },
      layers: layers.map(({ mediaType, digest, blob }) => ({
        mediaType,
        digest,
        size: blob.length,
      })),
    }),
  );
  const names = fixture.names ?? [];
  const descriptor = {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: add(manifest),
    size: manifest.length,
  };
  const manifests = (names.length === 0 ? [undefined] : names).map((name) => ({
    ...descriptor,
    ...(name === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": name } }),
  }));
  files.set("oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
  return { files, id, layers };
}

/** Packs files in their order. */
export function packed(files: ReadonlyMap<string, Buffer>): Buffer {
  const builder = new TarBuilder();
  for (const [name, bytes] of files) builder.file(name, bytes);
  return builder.build();
}

function configOf(diffIds: readonly string[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      architecture: hostArchitecture,
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: diffIds },
    }),
  );
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
