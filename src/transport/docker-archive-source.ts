import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestFromHex, sha256Digest } from "../oci/digest.ts";
import { parseDocument } from "../oci/document.ts";
import { maxImageConfigBytes, parseImageConfig } from "../oci/image-config.ts";
import { maxManifestBytes } from "../oci/manifest.ts";
import { type Compression, layerMediaType, mediaTypes } from "../oci/media-types.ts";
import { formatReference, parseReference } from "../oci/reference.ts";
import type { ImageSource, SourceManifest } from "../oci/transfer.ts";
import { verifiedBytes } from "../oci/verified-bytes.ts";
import { compressionOf, foreignLayerHint, foreignName } from "../platform/decompression.ts";
import type { ArchivedImage } from "./archived-image.ts";
import { type ImageFiles, invalidArchive, readWhole, shown } from "./image-files.ts";

/** The file that names an archive's images, as `docker save` writes it. */
export const dockerManifestFile = "manifest.json";

/** Twice what can be mounted: whatever has more is not looked at. */
const mostLayers = 1000;

const entrySchema = z.object({
  Config: z.string(),
  RepoTags: z.nullish(z.array(z.string())),
  Layers: z.nullish(z.array(z.string())),
});

type Entry = z.infer<typeof entrySchema>;

/**
 * The images of a docker-archive, in the order of its manifest.json.
 *
 * @throws TsmanError ARCHIVE_INVALID
 */
export async function dockerArchiveImages(files: ImageFiles): Promise<readonly ArchivedImage[]> {
  const bytes = await readWhole(files, dockerManifestFile, maxManifestBytes);
  const entries = parseDocument(z.array(entrySchema), bytes, {
    what: `${dockerManifestFile} of ${files.name}`,
    code: "ARCHIVE_INVALID",
    maxBytes: maxManifestBytes,
  });
  return entries.map((entry) => ({
    names: (entry.RepoTags ?? []).map((name) => fullName(files, name)),
    open: async () => await openEntry(files, entry),
  }));
}

function fullName(files: ImageFiles, name: string): string {
  try {
    return formatReference(parseReference(name));
  } catch (error) {
    throw invalidArchive(files.name, `${shown(name)} is no image's name`, error);
  }
}

/**
 * A docker-archive holds no manifest of the image: it is made up from config and layers, always the
 * same for the same archive.
 */
async function openEntry(files: ImageFiles, entry: Entry): Promise<ImageSource> {
  const configBytes = await readWhole(files, memberName(entry.Config), maxImageConfigBytes);
  const what = `config ${shown(entry.Config)} of ${files.name}`;
  const { diffIds } = parseImageConfig(configBytes, what).rootfs;
  const layers = entry.Layers ?? [];
  if (diffIds.length !== layers.length) {
    throw invalidArchive(
      files.name,
      `${layers.length} layers in its ${dockerManifestFile}, but ${diffIds.length} in its config`,
    );
  }
  if (layers.length > mostLayers) {
    throw invalidArchive(files.name, `an image has more than ${mostLayers} layers`);
  }
  const blobs = new Map<Digest, string>();
  const descriptors: Descriptor[] = [];
  for (const [index, layer] of layers.entries()) {
    const file = memberName(layer);
    const diffId = diffIds[index] as string as Digest;
    const descriptor = await describeLayer(files, file, diffId);
    blobs.set(descriptor.digest, file);
    descriptors.push(descriptor);
  }
  const config = sha256Digest(configBytes);
  blobs.set(config, memberName(entry.Config));
  const manifest = manifestOf({ digest: config, size: configBytes.length }, descriptors);
  return {
    name: files.name,
    isMadeUp: true,
    readManifest: async (digest = manifest.digest) => {
      if (digest === manifest.digest) return manifest;
      throw invalidArchive(files.name, `it has no manifest ${digest}`);
    },
    readBlob: (descriptor) => {
      const file = blobs.get(descriptor.digest);
      if (file === undefined) {
        throw invalidArchive(files.name, `it has no blob ${descriptor.digest}`);
      }
      return verifiedBytes(files.read(file), descriptor, `read blob of ${files.name}`);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Its names are paths in the archive, which the index of members has cleaned. */
function memberName(name: string): string {
  return name.replace(/^(?:\.\/)+/, "");
}

async function describeLayer(files: ImageFiles, file: string, diffId: Digest): Promise<Descriptor> {
  const size = files.size(file);
  if (size === undefined) throw invalidArchive(files.name, `it has no layer ${shown(file)}`);
  const compression = await compressionOfFile(files, file);
  return {
    mediaType: layerMediaType("docker", compression),
    // What is not compressed is named by the config already, and verified when it is read.
    digest: compression === "none" ? diffId : await digestOfFile(files, file),
    size,
  };
}

async function compressionOfFile(files: ImageFiles, file: string): Promise<Compression> {
  for await (const chunk of files.read(file)) {
    const head = Buffer.from(chunk.subarray(0, 6));
    const compression = compressionOf(head);
    if (compression !== undefined) return compression;
    throw new TsmanError(
      "ARCHIVE_INVALID",
      `read ${files.name}: layer ${shown(file)} is compressed with ${foreignName(head)}`,
      { hint: foreignLayerHint },
    );
  }
  return "none";
}

async function digestOfFile(files: ImageFiles, file: string): Promise<Digest> {
  const hash = createHash("sha256");
  for await (const chunk of files.read(file)) hash.update(chunk);
  return digestFromHex(hash.digest("hex"));
}

function manifestOf(
  config: Pick<Descriptor, "digest" | "size">,
  layers: readonly Descriptor[],
): SourceManifest {
  const mediaType = mediaTypes.dockerManifest;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: mediaTypes.dockerConfig, size: config.size, digest: config.digest },
    layers: layers.map((layer) => ({
      mediaType: layer.mediaType,
      size: layer.size,
      digest: layer.digest,
    })),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, mediaType, digest: sha256Digest(bytes) };
}
