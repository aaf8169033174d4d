import { fstatSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type Recompression,
  recompressedSource,
} from "../../../../src/engine/images/recompressed-source.ts";
import type { Descriptor } from "../../../../src/oci/descriptor.ts";
import { type Digest, sha256Digest } from "../../../../src/oci/digest.ts";
import { parseManifestOrIndex } from "../../../../src/oci/manifest.ts";
import { mediaTypes } from "../../../../src/oci/media-types.ts";
import type { ImageSource } from "../../../../src/oci/transfer.ts";

const layer = Buffer.from("what a layer unpacks to ".repeat(10_000));
const packed = gzipSync(layer);
const limits = { maxBytes: 2 ** 30, maxRatio: 1000, ratioFloor: 2 ** 20 };
let directory: string;
let spools: { readonly fd: number; readonly ino: number }[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tsman-recompressed-"));
  spools = [];
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function openSpool(): number {
  const file = join(directory, `${spools.length}`);
  const fd = openSync(file, "wx+");
  rmSync(file);
  spools.push({ fd, ino: fstatSync(fd).ino });
  return fd;
}

/** An image with this layer twice, and a config that says what it unpacks to. */
function sourceOf(diffId: Digest, blob = packed): ImageSource {
  const config = Buffer.from(
    JSON.stringify({ rootfs: { type: "layers", diff_ids: [diffId, diffId] } }),
  );
  const blobs = new Map([config, blob].map((bytes) => [sha256Digest(bytes), bytes]));
  const link = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: sha256Digest(bytes),
    size: bytes.length,
  });
  const gzipped = { ...link(blob, "application/vnd.oci.image.layer.v1.tar+gzip") };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: link(config, mediaTypes.ociConfig),
      layers: [gzipped, { ...gzipped, annotations: { of: "the packed bytes" } }],
      annotations: { kept: "yes" },
    }),
  );
  return {
    name: "it",
    readManifest: async () => ({
      bytes,
      mediaType: mediaTypes.ociManifest,
      digest: sha256Digest(bytes),
    }),
    readBlob: async function* ({ digest }: Descriptor) {
      yield blobs.get(digest) ?? Buffer.alloc(0);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function repack(source: ImageSource, wanted: Recompression) {
  const repacked = recompressedSource(source, wanted, { openSpool, limits });
  const read = await repacked.readManifest();
  const manifest = parseManifestOrIndex(read.bytes, read.mediaType);
  if (manifest.kind !== "manifest") throw new Error("it became an index");
  return { repacked, read, manifest };
}

/** Spools that nobody has closed. */
function openSpools(): readonly number[] {
  return spools
    .filter(({ fd, ino }) => {
      try {
        // Its number may have been given to another file since.
        return fstatSync(fd).ino === ino;
      } catch {
        return false;
      }
    })
    .map(({ fd }) => fd);
}

const right = sha256Digest(layer);

test.each([
  ["zstd", undefined, zstdDecompressSync],
  ["zstd", 19, zstdDecompressSync],
  ["gzip", 9, gunzipSync],
  ["none", undefined, (bytes: Buffer) => bytes],
] as const)(
  "layers are packed with %s at level %s, all else stays",
  async (compression, level, unpack) => {
    const source = sourceOf(right);
    const { repacked, read, manifest } = await repack(source, { compression, level });
    const [first, second] = manifest.layers;
    expect(first?.digest).toBe(second?.digest);
    const bytes = await buffer(repacked.readBlob(first as Descriptor));
    expect(sha256Digest(bytes)).toBe(first?.digest);
    expect(unpack(bytes).equals(layer)).toBe(true);
    expect(manifest.annotations).toEqual({ kept: "yes" });
    // They were about other bytes.
    expect(second?.annotations).toBeUndefined();
    expect(read.digest).toBe(sha256Digest(read.bytes));
    const original = JSON.parse((await source.readManifest()).bytes.toString("utf8"));
    expect(manifest.config).toEqual(original.config);
    await repacked[Symbol.asyncDispose]();
    expect(openSpools()).toEqual([]);
  },
);

test("a manifest whose layers are as they are wanted is the same, byte for byte", async () => {
  const source = sourceOf(right);
  const { read } = await repack(source, { compression: "gzip" });
  expect(read).toEqual(await source.readManifest());
  expect(spools).toEqual([]);
});

test("a layer that unpacks to something else is refused, and nothing stays open", async () => {
  const repacking = repack(sourceOf(sha256Digest("other")), { compression: "zstd" });
  await expect(repacking).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  expect(openSpools()).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test("a damaged layer and a bomb are refused", async () => {
  const cut = repack(sourceOf(right, packed.subarray(0, 300)), { compression: "zstd" });
  await expect(cut).rejects.toMatchObject({ code: "LAYER_INVALID" });
  const bomb = gzipSync(Buffer.alloc(64 * 2 ** 20));
  const tools = { openSpool, limits: { ...limits, maxRatio: 10 } };
  const exploding = recompressedSource(sourceOf(right, bomb), { compression: "none" }, tools);
  await expect(exploding.readManifest()).rejects.toMatchObject({ code: "LAYER_LIMIT" });
  expect(openSpools()).toEqual([]);
});

test.each([
  ["gzip", 10],
  ["gzip", 0],
  ["zstd", 23],
  ["none", 1],
  [undefined, 10],
] as const)("%s has no level %d", (compression, level) => {
  expect(() =>
    recompressedSource(sourceOf(right), { compression, level }, { openSpool, limits }),
  ).toThrow("no such level");
});
