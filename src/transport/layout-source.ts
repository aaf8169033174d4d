import * as z from "zod/mini";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestHex } from "../oci/digest.ts";
import { parseDocument } from "../oci/document.ts";
import { maxManifestBytes, parseManifestOrIndex } from "../oci/manifest.ts";
import { mediaTypes } from "../oci/media-types.ts";
import { sourceManifest } from "../oci/source-manifest.ts";
import type { ImageSource } from "../oci/transfer.ts";
import { verifiedBytes } from "../oci/verified-bytes.ts";
import type { ArchivedImage } from "./archived-image.ts";
import { type ImageFiles, invalidArchive, readWhole, shown } from "./image-files.ts";

/** The file that makes a directory an OCI layout; image-spec/image-layout.md. */
export const layoutMark = "oci-layout";
/** The file that names a layout's images. */
export const layoutIndexFile = "index.json";
/** image-spec/annotations.md */
export const refNameAnnotation = "org.opencontainers.image.ref.name";
/** What containerd, and so Docker, writes: the whole name where the other is the tag only. */
const containerdName = "io.containerd.image.name";

const maxMarkBytes = 64 * 1024;
const markSchema = z.object({ imageLayoutVersion: z.string() });

/**
 * The images of an OCI layout, in the order of its index.
 *
 * @throws TsmanError ARCHIVE_INVALID, MANIFEST_INVALID
 */
export async function layoutImages(files: ImageFiles): Promise<readonly ArchivedImage[]> {
  const mark = parseDocument(markSchema, await readWhole(files, layoutMark, maxMarkBytes), {
    what: `${layoutMark} of ${files.name}`,
    code: "ARCHIVE_INVALID",
    maxBytes: maxMarkBytes,
  });
  if (!/^1\.\d+\.\d+$/.test(mark.imageLayoutVersion)) {
    const version = shown(mark.imageLayoutVersion);
    throw invalidArchive(files.name, `it is a layout of version ${version}, not 1`);
  }
  const index = await readLayoutIndex(files);
  return index.map((descriptor) => ({
    names: namesOf(descriptor),
    open: async () => layoutSource(files, descriptor),
  }));
}

async function readLayoutIndex(files: ImageFiles): Promise<readonly Descriptor[]> {
  const bytes = await readWhole(files, layoutIndexFile, maxManifestBytes);
  const index = parseManifestOrIndex(bytes, mediaTypes.ociIndex);
  return index.kind === "index" ? index.manifests : [];
}

/** A layout's index as JSON, checked, with whatever else it holds. */
export interface LayoutDocument {
  readonly [member: string]: unknown;
  readonly manifests: readonly LayoutEntry[];
}

/** An entry of it. */
export interface LayoutEntry {
  readonly [member: string]: unknown;
  readonly digest: Digest;
  readonly annotations?: Readonly<Record<string, string>> | null | undefined;
}

/** Reads the index of a layout that is to be added to. */
export async function readLayoutDocument(files: ImageFiles): Promise<LayoutDocument> {
  await readLayoutIndex(files);
  const bytes = await readWhole(files, layoutIndexFile, maxManifestBytes);
  return JSON.parse(bytes.toString("utf8")) as LayoutDocument;
}

function namesOf({ annotations }: Descriptor): string[] {
  const name = annotations?.[containerdName] ?? annotations?.[refNameAnnotation];
  return name === undefined || name === "" ? [] : [name];
}

function layoutSource(files: ImageFiles, top: Descriptor): ImageSource {
  return {
    name: files.name,
    readManifest: async (digest) => {
      const expected = digest === undefined || digest === top.digest ? top : { digest };
      const bytes = await readWhole(files, blobFile(expected.digest), maxManifestBytes);
      return sourceManifest(bytes, expected, files.name);
    },
    readBlob: (descriptor) => {
      const file = blobFile(descriptor.digest);
      if (files.size(file) === undefined) {
        throw invalidArchive(files.name, `it has no blob ${descriptor.digest}`);
      }
      return verifiedBytes(files.read(file), descriptor, `read blob of ${files.name}`);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

/** Where a layout keeps a blob. */
export function blobFile(digest: Digest): string {
  return `blobs/sha256/${digestHex(digest)}`;
}
