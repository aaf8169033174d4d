import type { Descriptor } from "../oci/descriptor.ts";
import type { Platform } from "../oci/platform.ts";
import type { DownloadOptions } from "./download-blob.ts";
import { createFallbackClient } from "./fallback-client.ts";
import type { BlobRange } from "./fetch-range.ts";
import type { FetchedManifest, ManifestHead } from "./manifests.ts";
import type { ResolvedImage } from "./resolve-image.ts";
import type { RegistryClientOptions } from "./settings.ts";

/** One repository of one registry, to be pulled from; distribution-spec, "Pull". */
export interface RegistryClient extends AsyncDisposable {
  /** Fetches a manifest or index by tag or digest; verified if by digest. */
  fetchManifest(reference: string, expected?: Pick<Descriptor, "size">): Promise<FetchedManifest>;
  /** What a tag points to, as the registry says; undefined if it does not have it. */
  headManifest(reference: string): Promise<ManifestHead | undefined>;
  /** A small blob in memory, verified. */
  fetchBlob(descriptor: Descriptor, maxBytes: number, signal?: AbortSignal): Promise<Buffer>;
  /** Index, manifest and config of the image for one platform. */
  resolveImage(reference: string, platform: Platform): Promise<ResolvedImage>;
  /** A blob of any size through a sink, verified; resumes broken connections. */
  downloadBlob(descriptor: Descriptor, options: DownloadOptions): Promise<void>;
  /** A part of a blob in memory, not verified. */
  fetchRange(descriptor: Descriptor, range: BlobRange, signal?: AbortSignal): Promise<Buffer>;
}

/**
 * Makes a client.  Nothing happens, and no HTTP code is loaded, before its first request; dispose
 * it to close its connections.
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  return createFallbackClient([options], () => {});
}
