import * as z from "zod/mini";
import { isTsmanError, TsmanError } from "../errors/index.ts";
import { digestSchema } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { parseDocument } from "./document.ts";
import type { Index } from "./manifest.ts";
import { formatPlatform, matchPlatform, type Platform, parsePlatform } from "./platform.ts";

/** A project's list of images; larger ones are refused. */
export const maxLockFileBytes = 4 * 1024 * 1024;

/** Digests of an image's manifests by platform, `os/arch[/variant]`. */
export type PinnedPlatforms = ReadonlyMap<string, Digest>;

/** The content of `tsman.lock`: full image names, `registry/repository:tag`, and what each means. */
export type LockFile = ReadonlyMap<string, PinnedPlatforms>;

const version = 1;

const schema = z.object({
  version: z.literal(version, `is not ${version}: a later tsman wrote it`),
  images: z.record(z.string(), z.record(z.string(), digestSchema)),
});

/**
 * Reads a lock file.
 *
 * @param file for messages.
 * @throws TsmanError DOCUMENT_INVALID
 */
export function parseLockFile(bytes: Uint8Array, file: string): LockFile {
  const { images } = parseDocument(schema, bytes, {
    what: `lock file ${file}`,
    code: "DOCUMENT_INVALID",
    maxBytes: maxLockFileBytes,
  });
  return new Map(
    Object.entries(images).map(([name, platforms]) => [name, new Map(Object.entries(platforms))]),
  );
}

/** The text of a lock file: sorted, a line for every digest, so that a diff shows what changed. */
export function formatLockFile(lock: LockFile): string {
  const images = sorted(lock).map(([name, platforms]) => [
    name,
    Object.fromEntries(sorted(platforms)),
  ]);
  return `${JSON.stringify({ version, images: Object.fromEntries(images) }, undefined, 2)}\n`;
}

function sorted<T>(map: ReadonlyMap<string, T>): (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The platforms of an index; attestations (`unknown/unknown`) are no images. */
export function platformsOfIndex(index: Index): PinnedPlatforms {
  const platforms = new Map<string, Digest>();
  for (const { platform, digest } of index.manifests) {
    if (platform === undefined || platform.os === "unknown") continue;
    const name = formatPlatform(platform);
    // Of equals the first, as matchPlatform() chooses.
    if (!platforms.has(name)) platforms.set(name, digest);
  }
  return platforms;
}

/**
 * The manifest that a lock file names for a platform.
 *
 * @param name full, for the message.
 * @throws TsmanError IMAGE_NOT_LOCKED, listing the platforms that it names
 */
export function pinnedManifest(
  platforms: PinnedPlatforms,
  wanted: Platform,
  name: string,
  file: string,
): Digest {
  const entries = [...platforms].map(([platform, digest]) => ({
    mediaType: "",
    size: 0,
    digest,
    platform: parsePlatform(platform),
  }));
  try {
    return matchPlatform(entries, wanted).digest;
  } catch (error) {
    if (!isTsmanError(error, "PLATFORM_NOT_FOUND")) throw error;
    throw new TsmanError(
      "IMAGE_NOT_LOCKED",
      `use image ${name} by ${file}: it names ${[...platforms.keys()].join(", ") || "no platform"}, and not ${formatPlatform(wanted)}`,
      {
        hint: `if the image has that platform now: tsman pull --lock ${name}`,
        details: { image: name, file },
        cause: error,
      },
    );
  }
}
