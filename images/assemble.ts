import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { hostPlatform } from "./busybox.ts";
import { type Compression, epoch, type Image, type Layer, type Recipe } from "./recipe.ts";
import { writeTar } from "./tar.ts";

/** image-spec descriptor.md. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Image["platform"];
  readonly annotations?: Readonly<Record<string, string>>;
}

const mediaTypes = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
    zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
    none: "application/vnd.oci.image.layer.v1.tar",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    gzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    zstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
    none: "application/vnd.docker.image.rootfs.diff.tar",
  },
} as const;

interface BuiltLayer {
  readonly digest: string;
  readonly size: number;
  readonly diffId: string;
}

/** Layers that several images of one build share are compressed once: layer → blob's place. */
const builtLayers = new WeakMap<Layer, BuiltLayer & { readonly blobs: string }>();

/** What {@link assemble} takes besides the recipe. */
export interface AssembleOptions {
  /** Value of org.opencontainers.image.ref.name, e.g. "localhost/busybox:latest". */
  readonly name: string;
  /** The OCI layout directory to write; one that is there is replaced. */
  readonly directory: string;
}

/**
 * Writes a recipe as an OCI layout (image-spec image-layout.md).  The same recipe on the same host
 * gives the same bytes: nothing depends on time, order of directories, or user.
 *
 * @returns the descriptor of what the name stands for (a manifest or an index).
 */
export async function assemble(recipe: Recipe, options: AssembleOptions): Promise<Descriptor> {
  const partial = `${options.directory}.partial-${process.pid}`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(join(partial, "blobs/sha256"), { recursive: true });
  const types = mediaTypes[recipe.format ?? "oci"];
  const blob = async (mediaType: string, document: object): Promise<Descriptor> => {
    const bytes = Buffer.from(JSON.stringify(document));
    const digest = createHash("sha256").update(bytes).digest("hex");
    await writeFile(join(partial, "blobs/sha256", digest), bytes);
    return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
  };

  const manifests: Descriptor[] = [];
  for (const image of recipe.images) {
    const platform = image.platform ?? hostPlatform();
    const layers: Descriptor[] = [];
    const diffIds: string[] = [];
    for (const layer of image.layers) {
      const built = await writeLayer(layer, join(partial, "blobs/sha256"));
      builtLayers.set(layer, { ...built, blobs: join(options.directory, "blobs/sha256") });
      layers.push({
        mediaType: types[layer.compression ?? "gzip"],
        digest: built.digest,
        size: built.size,
      });
      diffIds.push(built.diffId);
    }
    const created = new Date(epoch * 1000).toISOString();
    const config = await blob(types.config, {
      created,
      architecture: platform.architecture,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      os: platform.os,
      config: image.config ?? {},
      rootfs: { type: "layers", diff_ids: diffIds },
      history: diffIds.map((_, index) => ({ created, created_by: `layer ${index + 1}` })),
    });
    const manifest = await blob(types.manifest, {
      schemaVersion: 2,
      mediaType: types.manifest,
      config,
      layers,
    });
    manifests.push({ ...manifest, platform });
  }

  const [only] = manifests;
  if (only === undefined) throw new Error(`${options.name}: the recipe has no image`);
  const isIndex = recipe.index ?? manifests.length > 1;
  const root = isIndex
    ? await blob(types.index, { schemaVersion: 2, mediaType: types.index, manifests })
    : only;
  const named = { ...root, annotations: { "org.opencontainers.image.ref.name": options.name } };
  await writeFile(
    join(partial, "index.json"),
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.oci.index, manifests: [named] }),
  );
  await writeFile(join(partial, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  await rm(options.directory, { recursive: true, force: true });
  await rename(partial, options.directory);
  return root;
}

async function writeLayer(layer: Layer, directory: string): Promise<BuiltLayer> {
  const earlier = builtLayers.get(layer);
  if (earlier !== undefined) {
    const name = earlier.digest.replace("sha256:", "");
    try {
      await copyFile(join(earlier.blobs, name), join(directory, name));
      return earlier;
    } catch (error) {
      // A layer that occurs twice in one image is still in the partial directory: write it again.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  const temporary = join(directory, "layer.partial");
  const uncompressed = hashing();
  const compressed = hashing();
  const { entries } = layer;
  await pipeline(
    writeTar(typeof entries === "function" ? entries() : entries),
    uncompressed.stream,
    compressor(layer.compression ?? "gzip"),
    compressed.stream,
    createWriteStream(temporary),
  );
  const digest = compressed.digest();
  await rename(temporary, join(directory, digest));
  const { size } = await stat(join(directory, digest));
  return { digest: `sha256:${digest}`, size, diffId: `sha256:${uncompressed.digest()}` };
}

function hashing() {
  const hash = createHash("sha256");
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  return { stream, digest: () => hash.digest("hex") };
}

function compressor(compression: Compression) {
  switch (compression) {
    case "gzip":
      return createGzip({ level: 6 });
    case "zstd":
      return createZstdCompress();
    case "none":
      return new Transform({ transform: (chunk, _encoding, done) => done(null, chunk) });
    default:
      return compression satisfies never;
  }
}
