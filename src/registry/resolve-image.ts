import { TsmanError } from "../errors/index.ts";
import type { Digest } from "../oci/digest.ts";
import { type ImageConfig, maxImageConfigBytes, parseImageConfig } from "../oci/image-config.ts";
import { type Manifest, parseManifestOrIndex, requireRunnableManifest } from "../oci/manifest.ts";
import { formatPlatform, matchPlatform, type Platform, platformServes } from "../oci/platform.ts";
import { fetchBlob } from "./download-blob.ts";
import { type FetchedManifest, fetchManifest } from "./manifests.ts";
import type { Session } from "./session.ts";

/** Everything about an image but its layers, verified. */
export interface ResolvedImage {
  /** Of the image manifest, as it arrived. */
  readonly manifestBytes: Buffer;
  readonly manifest: Manifest;
  readonly manifestDigest: Digest;
  /** Of the index that led to it, if one did: what `name@sha256:…` of the tag is. */
  readonly indexDigest?: Digest | undefined;
  readonly configBytes: Buffer;
  readonly config: ImageConfig;
}

/**
 * Follows a tag or digest to the image for one platform: index, manifest, config.
 *
 * @throws TsmanError REGISTRY_*, MANIFEST_INVALID, PLATFORM_NOT_FOUND, DIGEST_MISMATCH,
 *   SIZE_MISMATCH
 */
export async function resolveImage(
  session: Session,
  reference: string,
  platform: Platform,
): Promise<ResolvedImage> {
  const { fetched, manifest, indexDigest } = await fetchImageManifest(session, reference, platform);
  const what = `image ${session.name}@${fetched.digest}`;
  requireRunnableManifest(manifest, what);
  const configBytes = await fetchBlob(session, manifest.config, maxImageConfigBytes);
  const config = parseImageConfig(configBytes, `config of ${what}`);
  if (config.rootfs.diffIds.length !== manifest.layers.length) {
    throw new TsmanError(
      "MANIFEST_INVALID",
      `read ${what}: ${manifest.layers.length} layers in its manifest, but ${config.rootfs.diffIds.length} in its config`,
    );
  }
  requirePlatform(config, platform, what);
  return {
    manifestBytes: fetched.bytes,
    manifest,
    manifestDigest: fetched.digest,
    ...(indexDigest !== undefined && { indexDigest }),
    configBytes,
    config,
  };
}

interface ImageManifest {
  readonly fetched: FetchedManifest;
  readonly manifest: Manifest;
  readonly indexDigest: Digest | undefined;
}

async function fetchImageManifest(
  session: Session,
  reference: string,
  platform: Platform,
): Promise<ImageManifest> {
  const fetched = await fetchManifest(session, reference);
  const document = parseManifestOrIndex(fetched.bytes, fetched.mediaType, undefined, session.name);
  if (document.kind === "manifest") return { fetched, manifest: document, indexDigest: undefined };
  const descriptor = matchPlatform(document.manifests, platform, session.name);
  const chosen = await fetchManifest(session, descriptor.digest, descriptor);
  const manifest = parseManifestOrIndex(chosen.bytes, chosen.mediaType, descriptor, session.name);
  if (manifest.kind === "index") {
    throw new TsmanError(
      "MANIFEST_INVALID",
      `read index ${fetched.digest} of ${session.name}: its entry for ${formatPlatform(platform)} is an index again`,
    );
  }
  return { fetched: chosen, manifest, indexDigest: fetched.digest };
}

/** An image for another processor would only fail later, and less clearly (case S66). */
function requirePlatform(config: ImageConfig, wanted: Platform, what: string): void {
  const { os, architecture, variant } = config;
  if (architecture === "") return;
  const own: Platform = { os, architecture, ...(variant !== undefined && { variant }) };
  if (platformServes(own, wanted)) return;
  throw new TsmanError(
    "PLATFORM_NOT_FOUND",
    `choose image for ${formatPlatform(wanted)}: ${what} is for ${formatPlatform(own)} only`,
    {
      hint: `to take it all the same: --platform ${formatPlatform(own)}`,
      details: { wanted: formatPlatform(wanted), offered: [formatPlatform(own)] },
    },
  );
}
