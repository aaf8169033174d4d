import { createHash } from "node:crypto";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type DiffId, type Digest, digestFromHex, digestHex } from "../oci/digest.ts";
import { maxImageConfigBytes, parseImageConfig } from "../oci/image-config.ts";
import { parseManifestOrIndex } from "../oci/manifest.ts";
import { isImageConfigType, layerCompression } from "../oci/media-types.ts";
import { parseReference } from "../oci/reference.ts";
import type { ImageDestination } from "../oci/transfer.ts";
import { decompressBlob, type ExpansionLimits } from "../platform/decompression.ts";
import { dockerManifestFile } from "./docker-archive-source.ts";
import type { ImageOutput } from "./image-output.ts";

/** An entry of manifest.json, as `docker load` reads it. */
interface Entry {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** What is known of a layer before it is unpacked. */
export interface KnownLayer {
  /** Of the uncompressed layer. */
  readonly diffId: DiffId;
  /** Bytes of the uncompressed layer. */
  readonly size: number;
}

/**
 * Writes images as `docker save` does: configs and uncompressed layers, and a manifest.json that
 * names them.  Layers that several images have are there once.
 */
export class DockerArchiveWriter {
  readonly #output: ImageOutput;
  readonly #limits: ExpansionLimits;
  readonly #known: ReadonlyMap<Digest, KnownLayer>;
  /** Of the uncompressed layer, by the digest of the blob. */
  readonly #layers = new Map<Digest, Digest>();
  readonly #configs = new Map<Digest, Buffer>();
  readonly #entries: Entry[] = [];

  /** @param known layers by the digest of their blobs: several of them are unpacked at a time */
  constructor(
    output: ImageOutput,
    limits: ExpansionLimits,
    known: ReadonlyMap<Digest, KnownLayer> = new Map(),
  ) {
    this.#output = output;
    this.#limits = limits;
    this.#known = known;
  }

  /**
   * One image of it.
   *
   * @param names full, with tags; none: it can be found by its position
   */
  image(names: readonly string[]): ImageDestination {
    const output = this.#output;
    return {
      name: output.name,
      isSinglePlatform: true,
      hasBlob: async ({ digest }) => this.#layers.has(digest) || this.#configs.has(digest),
      writeBlob: async (descriptor, bytes) =>
        isImageConfigType(descriptor.mediaType)
          ? await this.#writeConfig(descriptor, bytes)
          : await this.#writeLayer(descriptor, bytes),
      writeManifest: async (manifest) => {
        const document = parseManifestOrIndex(manifest.bytes, manifest.mediaType);
        if (document.kind === "index") {
          throw new TsmanError("INTERNAL", `write ${output.name}: it holds no index`);
        }
        const { config, layers } = document;
        this.#checkLayers(config, layers);
        this.#entries.push({
          Config: configFile(config.digest),
          RepoTags: names,
          Layers: layers.map(({ digest }) => layerFile(this.#diffIdOf(digest))),
        });
      },
      commit: async () => await this.commit(),
      [Symbol.asyncDispose]: async () => await output[Symbol.asyncDispose](),
    };
  }

  /** Names all images and makes the archive visible. */
  async commit(): Promise<void> {
    // Readers of the format before manifest.json find names there, `docker save` still writes it.
    await this.#output.put("repositories", json(repositoriesOf(this.#entries)));
    await this.#output.commit(dockerManifestFile, json(this.#entries));
  }

  async #writeConfig({ digest, size }: Descriptor, bytes: AsyncIterable<Uint8Array>) {
    if (size > maxImageConfigBytes) {
      throw new TsmanError("SIZE_MISMATCH", `write config ${digest}: ${size} bytes are too many`);
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    const config = Buffer.concat(chunks);
    await this.#output.put(configFile(digest), config);
    this.#configs.set(digest, config);
  }

  async #writeLayer({ digest, size, mediaType }: Descriptor, bytes: AsyncIterable<Uint8Array>) {
    if (layerCompression(mediaType) === "none") {
      await this.#output.write(layerFile(digest), size, bytes);
      this.#layers.set(digest, digest);
      return;
    }
    const hash = createHash("sha256");
    const unpacked = hashed(decompressBlob(bytes, this.#limits, `layer ${digest}`), hash);
    const known = this.#known.get(digest);
    const file = known === undefined ? undefined : layerFile(known.diffId);
    if (known !== undefined && file !== undefined && this.#output.size(file) === undefined) {
      await this.#output.write(file, known.size, unpacked);
      this.#layers.set(digest, digestFromHex(hash.digest("hex")));
      return;
    }
    await this.#output.writeUnsized(unpacked, () => {
      const diffId = digestFromHex(hash.digest("hex"));
      this.#layers.set(digest, diffId);
      return layerFile(diffId);
    });
  }

  /** The config vouches for the uncompressed layers, and whoever loads the archive asks it. */
  #checkLayers(config: Descriptor, layers: readonly Descriptor[]): void {
    const bytes = this.#configs.get(config.digest) ?? Buffer.alloc(0);
    const { diffIds } = parseImageConfig(bytes, `config ${config.digest}`).rootfs;
    for (const [index, { digest }] of layers.entries()) {
      const actual = this.#diffIdOf(digest);
      if (diffIds[index] === (actual as string)) continue;
      throw new TsmanError(
        "DIGEST_MISMATCH",
        `write ${this.#output.name}: layer ${digest} unpacks to ${actual}, its image's config says ${diffIds[index] ?? "nothing"}`,
        { hint: "the image is damaged: get it anew" },
      );
    }
  }

  #diffIdOf(digest: Digest): Digest {
    const diffId = this.#layers.get(digest);
    if (diffId !== undefined) return diffId;
    throw new TsmanError("INTERNAL", `write ${this.#output.name}: layer ${digest} is missing`);
  }
}

async function* hashed(
  bytes: AsyncIterable<Uint8Array>,
  hash: ReturnType<typeof createHash>,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

function configFile(digest: Digest): string {
  return `${digestHex(digest)}.json`;
}

function layerFile(diffId: Digest | DiffId): string {
  return `${digestHex(diffId)}.tar`;
}

/** Name → tag → uppermost layer. */
function repositoriesOf(entries: readonly Entry[]): Record<string, Record<string, string>> {
  const repositories: Record<string, Record<string, string>> = {};
  for (const { RepoTags, Layers } of entries) {
    for (const name of RepoTags) {
      const { tag = "latest" } = parseReference(name);
      const repository = name.slice(0, name.length - tag.length - 1);
      repositories[repository] ??= {};
      repositories[repository][tag] = (Layers.at(-1) ?? "").replace(/\.tar$/, "");
    }
  }
  return repositories;
}

function json(document: unknown): Buffer {
  return Buffer.from(JSON.stringify(document));
}
