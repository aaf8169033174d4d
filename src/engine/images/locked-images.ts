import { readlinkSync, realpathSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../../errors/index.ts";
import { sha256Digest } from "../../oci/digest.ts";
import {
  formatLockFile,
  type LockFile,
  maxLockFileBytes,
  type PinnedPlatforms,
  parseLockFile,
  pinnedManifest,
  platformsOfIndex,
} from "../../oci/lock-file.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import { formatPlatform, hostPlatform } from "../../oci/platform.ts";
import { formatName, formatReference, parseReference } from "../../oci/reference.ts";
import { readSmallFile, writeFileAtomic } from "../../platform/atomic-file.ts";
import { isErrno, toGivenFileError } from "../../platform/errno.ts";
import { lockFile } from "../../platform/file-lock.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PinnedImage, PullOptions } from "../types.ts";
import { namesFor } from "./find-image.ts";
import { pullImage, withCandidates } from "./pull-image.ts";
import { openRegistryClient } from "./registry-access.ts";

/**
 * The image that a lock file names: of the store, or fetched by its digest.  A reference with a
 * digest is pinned by itself.
 *
 * @param file path of the lock file.
 * @throws TsmanError IMAGE_NOT_LOCKED, DOCUMENT_INVALID, IMAGE_NOT_FOUND, or what a pull throws.
 */
export async function ensureLockedImage(
  context: EngineContext,
  text: string,
  file: string,
  options: PullOptions,
): Promise<ImageRecord> {
  const lock = readLockFile(file);
  // Of the names that it may be, local ones first, one that the file knows.
  const [pinned] = (await namesFor(context, text)).flatMap((name) => {
    const platforms = lock.get(name);
    return platforms === undefined ? [] : [{ name, platforms }];
  });
  if (pinned === undefined) throw notLocked(text, file);
  const { name, platforms } = pinned;
  const platform = options.platform ?? hostPlatform();
  const digest = pinnedManifest(platforms, platform, name, file);
  const exact = `${formatName(parseReference(name))}@${digest}`;
  const present = context.store.images.findByName(exact);
  if (present !== undefined && options.policy !== "always") return present;
  if (options.policy === "never") {
    throw new TsmanError("IMAGE_NOT_FOUND", `find image ${exact}: not in the local store`, {
      hint: `fetch it with: tsman pull --locked ${name}`,
      details: { image: exact, file },
    });
  }
  return await pullImage(context, name, { ...options, pinned: digest, leaveName: true });
}

/**
 * Pulls an image and writes down what its name means now, for every platform that it has.
 *
 * @param file path of the lock file; made if it is missing.
 * @throws TsmanError DOCUMENT_INVALID, and what a pull throws; then the file is as it was.
 */
export async function lockImage(
  context: EngineContext,
  text: string,
  file: string,
  options: PullOptions,
): Promise<{ readonly image: ImageRecord; readonly pinned: PinnedImage }> {
  if (parseReference(text).digest !== undefined) {
    throw new TsmanError("USAGE", `lock image ${text}: its digest says already what it is`, {
      hint: "name it by a tag: tsman pull --lock NAME:TAG",
    });
  }
  // Not after the pull: a file that cannot be read is no reason to fetch anything.
  readLockFile(file, { mayBeMissing: true });
  const { name, fetched } = await withCandidates(context, text, options, async (reference) => {
    await using client = await openRegistryClient(context, reference, options);
    const manifest = await client.fetchManifest(reference.tag ?? "latest");
    return { name: formatReference(reference), fetched: manifest };
  });
  const document = parseManifestOrIndex(fetched.bytes, fetched.mediaType, undefined, name);
  const image = await pullImage(context, name, { ...options, pinned: fetched.digest });
  const { os, architecture, variant } = image.config;
  const platforms =
    document.kind === "index"
      ? platformsOfIndex(document)
      : new Map([[formatPlatform({ os, architecture, variant }), fetched.digest]]);
  const before = await replaceEntry(context, file, name, platforms, options.signal);
  const isChanged =
    before !== undefined &&
    (before.size !== platforms.size ||
      [...platforms].some(([platform, digest]) => before.get(platform) !== digest));
  return { image, pinned: { name, platforms: Object.fromEntries(platforms), isChanged } };
}

/** What the entry was before, if there was one. */
async function replaceEntry(
  context: EngineContext,
  file: string,
  name: string,
  platforms: PinnedPlatforms,
  signal: AbortSignal | undefined,
): Promise<PinnedPlatforms | undefined> {
  const writers = await lockFile(writersLock(context, file), { signal });
  try {
    const lock = readLockFile(file, { mayBeMissing: true });
    writeLockFile(file, new Map([...lock, [name, platforms]]));
    return lock.get(name);
  } finally {
    writers.remove();
  }
}

/**
 * Full names of the images that a lock file names.
 *
 * @throws TsmanError IMAGE_NOT_LOCKED if there is no such file, DOCUMENT_INVALID
 */
export function lockedNames(file: string): readonly string[] {
  return [...readLockFile(file).keys()];
}

function notLocked(text: string, file: string): TsmanError {
  return new TsmanError("IMAGE_NOT_LOCKED", `use image ${text} by ${file}: it is not named there`, {
    hint: `write down what it is now with: tsman pull --lock ${text}`,
    details: { image: text, file },
  });
}

function readLockFile(file: string, { mayBeMissing = false } = {}): LockFile {
  let bytes: Buffer;
  try {
    bytes = readSmallFile(file, maxLockFileBytes);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw toGivenFileError(error, `read lock file ${file}`, "read");
    if (mayBeMissing) return new Map();
    throw new TsmanError("IMAGE_NOT_LOCKED", `read lock file ${file}: there is none`, {
      hint: "make it in the project's directory with: tsman pull --lock IMAGE…",
      details: { file },
      cause: error,
    });
  }
  return parseLockFile(bytes, file);
}

function writeLockFile(file: string, lock: LockFile): void {
  try {
    // The file that a symbolic link stands for, and not the link, is what gets replaced.
    writeFileAtomic(targetOf(file), formatLockFile(lock), { mode: 0o644 });
  } catch (error) {
    throw toGivenFileError(error, `write lock file ${file}`, "write");
  }
}

function targetOf(file: string): string {
  try {
    return realpathSync(file);
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
  try {
    return path.resolve(path.dirname(file), readlinkSync(file));
  } catch {
    return file;
  }
}

/** Two commands that add to one file do it one after the other. */
function writersLock(context: EngineContext, file: string): string {
  const name = sha256Digest(Buffer.from(targetOf(file))).slice("sha256:".length, 24);
  return path.join(context.store.root, "locks", `lock-file-${name}`);
}
