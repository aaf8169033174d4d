import { TsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ImageDestination, ImageSource } from "../../oci/transfer.ts";
import type { EngineContext } from "../context.ts";
import type { PushOptions } from "../push-types.ts";
import { type CopyImageOptions, copyImage } from "./copy-image.ts";
import { archiveLimits } from "./image-limits.ts";
import { recompressedSource } from "./recompressed-source.ts";

/** What {@link copyPacked} takes. */
export type PackedCopyOptions = CopyImageOptions &
  Pick<PushOptions, "compression" | "compressionLevel" | "forceCompression">;

/**
 * Copies what is pushed, its layers packed as they are wanted, and makes it visible.
 *
 * @returns the digest of the top document as it is there
 * @throws TsmanError USAGE for what cannot be packed so, and as `copyImage`
 */
export async function copyPacked(
  context: EngineContext,
  source: ImageSource,
  place: ImageDestination,
  options: PackedCopyOptions,
): Promise<Digest> {
  const { compression, compressionLevel: level, forceCompression: force } = options;
  if (compression === "zstd" && options.format === "docker") {
    throw new TsmanError("USAGE", `push ${source.name}: Docker's format has no zstd layers`, {
      hint: "leave out the format, or use gzip",
    });
  }
  if (compression === undefined && level === undefined && force !== true) {
    return await copyAndCommit(source, place, options);
  }
  await using packed = recompressedSource(
    source,
    { compression, level, force },
    {
      openSpool: () => context.store.blobs.openSpool(),
      limits: archiveLimits(),
      signal: options.signal,
      onProgress: options.onProgress,
    },
  );
  // Docker's media types know no zstd, so that such layers want OCI documents.
  const isOci = compression === "zstd" && place.requiredFormat === undefined;
  const format = options.format ?? (isOci ? "oci" : undefined);
  return await copyAndCommit(packed, place, { ...options, format });
}

async function copyAndCommit(
  source: ImageSource,
  place: ImageDestination,
  options: PackedCopyOptions,
): Promise<Digest> {
  const { digest } = await copyImage(source, place, options);
  await place.commit();
  return digest;
}
