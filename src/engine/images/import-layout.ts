import { readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { TsmanError } from "../../errors/index.ts";
import { type Digest, digestHex, parseDigest, sha256Digest } from "../../oci/digest.ts";
import { maxImageConfigBytes, parseImageConfig } from "../../oci/image-config.ts";
import {
  type Index,
  type Manifest,
  maxManifestBytes,
  parseManifestOrIndex,
} from "../../oci/manifest.ts";
import { hostPlatform, matchPlatform } from "../../oci/platform.ts";
import { readSmallFile } from "../../platform/atomic-file.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import { imageRecord } from "./image-record.ts";

/** The part of image-spec/image-layout.md's index.json that leads to the image. */
const layoutIndex = z.object({
  manifests: z.array(z.object({ mediaType: z.string(), digest: z.string() })),
});

/**
 * Imports the first image of an OCI layout directory into the store under `name`.  Its bytes are
 * verified like those of a registry.
 *
 * @param name full `registry/repository:tag`.
 * @throws TsmanError DOCUMENT_INVALID, DIGEST_MISMATCH, MANIFEST_INVALID, PLATFORM_NOT_FOUND
 */
export async function importLayout(
  context: EngineContext,
  layoutDir: string,
  name: string,
): Promise<ImageRecord> {
  const layout = new LayoutReader(layoutDir);
  const { manifest, manifestBytes, manifestDigest } = layout.manifestFor();
  const configBytes = layout.read(manifest.config.digest, maxImageConfigBytes);
  const config = parseImageConfig(configBytes);
  const { blobs, images } = context.store;
  // Nobody collects what we import before the image that needs it is entered.
  await using _content = await context.store.lockContent({ shared: true });
  blobs.put(manifestDigest, manifestBytes);
  blobs.put(manifest.config.digest, configBytes);
  for (const layer of manifest.layers)
    blobs.importFile(layer.digest, layout.blobPath(layer.digest));
  const record = imageRecord({ manifest, manifestDigest, config, names: [name], digests: [] });
  images.put(record);
  return images.findByName(name) ?? record;
}

class LayoutReader {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  blobPath(digest: Digest): string {
    return path.join(this.#dir, "blobs/sha256", digestHex(digest));
  }

  read(digest: Digest, maxBytes: number): Buffer {
    const bytes = readSmallFile(this.blobPath(digest), maxBytes);
    const actual = sha256Digest(bytes);
    if (actual === digest) return bytes;
    throw new TsmanError(
      "DIGEST_MISMATCH",
      `import ${this.#dir}: blob ${digest} is really ${actual}`,
      {
        hint: "the files of the installation were damaged: build or install it again",
      },
    );
  }

  manifestFor(): { manifest: Manifest; manifestBytes: Buffer; manifestDigest: Digest } {
    const index = z.safeParse(
      layoutIndex,
      JSON.parse(readFileSync(path.join(this.#dir, "index.json"), "utf8")),
    );
    const entry = index.data?.manifests[0];
    if (entry === undefined) {
      throw new TsmanError("DOCUMENT_INVALID", `import ${this.#dir}: index.json names no image`, {
        hint: "the files of the installation were damaged: build or install it again",
      });
    }
    const digest = parseDigest(entry.digest);
    const bytes = this.read(digest, maxManifestBytes);
    const document: Manifest | Index = parseManifestOrIndex(bytes, entry.mediaType);
    if (document.kind === "manifest") {
      return { manifest: document, manifestBytes: bytes, manifestDigest: digest };
    }
    const chosen = matchPlatform(document.manifests, hostPlatform());
    const chosenBytes = this.read(chosen.digest, maxManifestBytes);
    const manifest = parseManifestOrIndex(chosenBytes, chosen.mediaType, chosen);
    if (manifest.kind !== "manifest") {
      throw new TsmanError("MANIFEST_INVALID", `import ${this.#dir}: an index inside an index`);
    }
    return { manifest, manifestBytes: chosenBytes, manifestDigest: chosen.digest };
  }
}
