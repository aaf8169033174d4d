import { createHash } from "node:crypto";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { TsmanError } from "../../errors/index.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type DiffId, type Digest, diffIdFromHex, digestFromHex } from "../../oci/digest.ts";
import { maxImageConfigBytes, parseImageConfig } from "../../oci/image-config.ts";
import { type Manifest, parseManifestOrIndex } from "../../oci/manifest.ts";
import {
  type Compression,
  formatOfType,
  isImageConfigType,
  layerCompression,
  layerMediaType,
} from "../../oci/media-types.ts";
import { sourceManifest } from "../../oci/source-manifest.ts";
import type { ImageSource, SourceManifest } from "../../oci/transfer.ts";
import { readVerifiedBytes, verifiedBytes } from "../../oci/verified-bytes.ts";
import { decompressBlob, type ExpansionLimits } from "../../platform/decompression.ts";
import { Spool } from "../../transport/spool.ts";
import type { PullProgress } from "../progress.ts";

/** How layers are packed anew. */
export interface Recompression {
  /** Missing: each as it is packed already. */
  readonly compression?: Compression | undefined;
  /** Missing: the compressor's own; with one, what is packed in that way already is packed anew. */
  readonly level?: number | undefined;
  /** Whatever they are packed with already. */
  readonly force?: boolean | undefined;
}

/** What {@link recompressedSource} needs of its surroundings. */
export interface RecompressionTools {
  /** A file for bytes that pass through, as of `BlobDirectory`. */
  readonly openSpool: () => number;
  readonly limits: ExpansionLimits;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** Layers that are packed at a time: each keeps a thread of zlib busy. */
const parallelLayers = 2;
/** What the compressors take, as their makers name them. */
const levels: Readonly<Record<Compression, readonly [min: number, max: number]>> = {
  none: [0, 0],
  gzip: [1, 9],
  zstd: [1, 22],
};

/**
 * An image whose layers are packed in another way.  Config and diffIDs stay, so that it has the same
 * id; each layer is checked by its diffID on the way.  The packed layers lie in files without names
 * until this is disposed; the source below is not.
 *
 * @throws TsmanError USAGE for a level that the compressor does not have
 */
export function recompressedSource(
  source: ImageSource,
  wanted: Recompression,
  tools: RecompressionTools,
): ImageSource {
  requireLevel(wanted);
  return new RecompressedSource(source, wanted, tools);
}

interface PackedLayer {
  readonly descriptor: Descriptor;
  readonly spool: Spool;
}

class RecompressedSource implements ImageSource {
  readonly name: string;
  readonly #source: ImageSource;
  readonly #wanted: Recompression;
  readonly #tools: RecompressionTools;
  readonly #packed = new Map<Digest, Spool>();

  constructor(source: ImageSource, wanted: Recompression, tools: RecompressionTools) {
    this.name = source.name;
    this.#source = source;
    this.#wanted = wanted;
    this.#tools = tools;
  }

  readonly readManifest = async (digest?: Digest): Promise<SourceManifest> => {
    const read = await this.#source.readManifest(digest);
    const manifest = parseManifestOrIndex(read.bytes, read.mediaType);
    // The manifests that it names are read one by one.
    if (manifest.kind === "index") return read;
    const layers = await this.#packLayers(manifest);
    if (layers.every((layer, index) => layer === manifest.layers[index])) return read;
    // The document itself, since it may say more than what we know.
    const document = JSON.parse(read.bytes.toString("utf8")) as { readonly layers: object[] };
    const bytes = Buffer.from(
      JSON.stringify({
        ...document,
        layers: layers.map((layer, index) =>
          layer === manifest.layers[index] ? document.layers[index] : layer,
        ),
      }),
    );
    return { ...sourceManifest(bytes, undefined, this.name), mediaType: read.mediaType };
  };

  readonly readBlob = (descriptor: Descriptor, signal?: AbortSignal): AsyncIterable<Uint8Array> => {
    const spool = this.#packed.get(descriptor.digest);
    if (spool === undefined) return this.#source.readBlob(descriptor, signal);
    return verifiedBytes(spool.read(), descriptor, `read packed layer of ${this.name}`);
  };

  async #packLayers(manifest: Manifest): Promise<readonly Descriptor[]> {
    const diffIds = await this.#diffIds(manifest);
    const done: Descriptor[] = [];
    const next = manifest.layers.entries();
    const lane = async (): Promise<void> => {
      for (const [index, layer] of next) {
        this.#tools.signal?.throwIfAborted();
        done[index] = await this.#packLayer(
          layer,
          formatOfType(manifest.mediaType),
          diffIds[index],
        );
      }
    };
    const lanes = await Promise.allSettled(Array.from({ length: parallelLayers }, lane));
    for (const each of lanes) if (each.status === "rejected") throw each.reason;
    return done;
  }

  async #diffIds({ config }: Manifest): Promise<readonly DiffId[]> {
    if (!isImageConfigType(config.mediaType)) return [];
    const what = `read config of ${this.name}`;
    const open = () => this.#source.readBlob(config, this.#tools.signal);
    const bytes = await readVerifiedBytes(open, config, { what, maxBytes: maxImageConfigBytes });
    return parseImageConfig(bytes, `config of ${this.name}`).rootfs.diffIds;
  }

  async #packLayer(
    layer: Descriptor,
    format: "oci" | "docker",
    diffId: DiffId | undefined,
  ): Promise<Descriptor> {
    const present = layerCompression(layer.mediaType);
    if (present === undefined) return layer;
    const { compression = present, level, force } = this.#wanted;
    const isSame = compression === present && level === undefined && force !== true;
    if (isSame || (compression === "none" && present === "none")) return layer;
    const { digest } = layer;
    const { onProgress } = this.#tools;
    onProgress?.({ kind: "waiting", digest, reason: `packing (${compression})` });
    const packed = await this.#pack(layer, compression, diffId);
    const known = this.#packed.get(packed.descriptor.digest);
    if (known === undefined) this.#packed.set(packed.descriptor.digest, packed.spool);
    else packed.spool[Symbol.dispose]();
    onProgress?.({ kind: "layer-done", digest });
    return { ...packed.descriptor, mediaType: layerMediaType(format, compression) };
  }

  async #pack(
    layer: Descriptor,
    compression: Compression,
    diffId: DiffId | undefined,
  ): Promise<PackedLayer> {
    const { openSpool, limits, signal } = this.#tools;
    const what = `layer ${layer.digest}`;
    const spool = new Spool(openSpool(), what);
    const hash = createHash("sha256");
    let size = 0;
    const write = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        await spool.write(chunk);
      }
    };
    const unpacked = checkedLayer(
      decompressBlob(this.#source.readBlob(layer, signal), limits, what),
      diffId,
      `pack ${what} anew`,
    );
    try {
      const compressor = createCompressor(compression, this.#wanted.level);
      if (compressor === undefined) await write(unpacked);
      else await pipeline(unpacked, compressor, write, { ...(signal !== undefined && { signal }) });
    } catch (error) {
      spool[Symbol.dispose]();
      throw error;
    }
    const digest = digestFromHex(hash.digest("hex"));
    return { spool, descriptor: { mediaType: layer.mediaType, digest, size } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const spool of this.#packed.values()) spool[Symbol.dispose]();
  }
}

function requireLevel({ compression, level }: Recompression): void {
  if (level === undefined) return;
  const [min, max] = levels[compression ?? "gzip"];
  if (Number.isInteger(level) && level >= min && level <= max && compression !== "none") return;
  throw new TsmanError(
    "USAGE",
    `pack layers with ${compression ?? "gzip"} at level ${level}: it has no such level`,
    { hint: "gzip has levels 1 to 9, zstd 1 to 22" },
  );
}

function createCompressor(
  compression: Compression,
  level: number | undefined,
): Transform | undefined {
  if (compression === "none") return undefined;
  if (compression === "gzip") return createGzip({ ...(level !== undefined && { level }) });
  return createZstdCompress({
    ...(level !== undefined && { params: { [constants.ZSTD_c_compressionLevel]: level } }),
  });
}

/** The uncompressed bytes, of which the config knows the digest. */
async function* checkedLayer(
  bytes: AsyncIterable<Uint8Array>,
  expected: DiffId | undefined,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = diffIdFromHex(hash.digest("hex"));
  if (expected === undefined || actual === expected) return;
  throw new TsmanError("DIGEST_MISMATCH", `${what}: it unpacks to ${actual}`, {
    hint: "the image is damaged: get it anew",
    details: { expected, actual },
  });
}
