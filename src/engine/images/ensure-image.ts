import { type ErrorCode, isTsmanError, TsmanError } from "../../errors/index.ts";
import { findImageLocation } from "../../oci/image-location.ts";
import { formatPlatform, platformServes } from "../../oci/platform.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";
import { findImage, findManifestList, getImage, writtenName } from "./find-image.ts";

/**
 * The image that a container is to be made from, after the pull policy: `missing` (default) pulls
 * what is not there, `always` pulls, `newer` pulls when the registry has another, `never` does not.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, PLATFORM_NOT_FOUND, IMAGE_NOT_LOCKED, or what a pull throws.
 */
export async function ensureImage(
  context: EngineContext,
  text: string,
  options: PullOptions,
): Promise<ImageRecord> {
  const policy = options.policy ?? "missing";
  const location = findImageLocation(text);
  if (location !== undefined) {
    const { lock } = options;
    if (lock !== undefined && location.transport !== "docker") throw notPinned(text, lock.file);
    const { takeLocation } = await import("./take-location.ts");
    return await takeLocation(context, location, { ...options, policy });
  }
  // A digest is as good as what a lock file says.
  if (options.lock !== undefined && !text.includes("@")) {
    const { ensureLockedImage } = await import("./locked-images.ts");
    return await ensureLockedImage(context, text, options.lock.file, options);
  }
  if (policy === "never") {
    const image = await getImage(context, text, { platform: options.platform });
    if (serves(image, options)) return image;
    throw otherPlatform(text, image, options);
  }
  const present = await findImage(context, text, { platform: options.platform });
  const isUsable = present !== undefined && serves(present, options);
  if (isUsable && policy === "missing") return present;
  const list = await findManifestList(context, text);
  const isLocal = await isLocalName(context, (list ?? present)?.names ?? [], text);
  if (isUsable && isLocal) return present;
  if (list !== undefined && (policy === "missing" || isLocal)) {
    const { takeListed } = await import("./take-listed.ts");
    return await takeListed(context, list, options);
  }
  const { pullImage, isOutdated } = await import("./pull-image.ts");
  if (isUsable && policy === "newer" && !(await isOutdated(context, text, present, options)))
    return present;
  try {
    return await pullImage(context, text, options);
  } catch (error) {
    // A name that is here for another platform is not simply "not found".
    if (present === undefined || isUsable || !isMissing(error)) throw error;
    throw otherPlatform(text, present, options, error);
  }
}

/**
 * Whether there is no registry to ask: the name that is meant begins with localhost/, whatever other
 * names the image has; of an id, any of them.
 */
async function isLocalName(
  context: EngineContext,
  names: readonly string[],
  text: string,
): Promise<boolean> {
  const written = await writtenName(context, names, text);
  return (written === undefined ? names : [written]).some((name) => name.startsWith("localhost/"));
}

/** What lies in a directory or archive may be another image tomorrow. */
function notPinned(text: string, file: string): TsmanError {
  return new TsmanError(
    "IMAGE_NOT_LOCKED",
    `use ${text} by ${file}: it names images of registries`,
    {
      hint: "name an image that is in the file, or leave out --locked",
      details: { image: text, file },
    },
  );
}

/** Whether the registry, or none, has the image. */
function isMissing(error: unknown): boolean {
  return isTsmanError(error) && missingCodes.has(error.code);
}

const missingCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "IMAGE_NOT_FOUND",
  "PLATFORM_NOT_FOUND",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_DENIED",
  "REGISTRY_AUTH",
  "REGISTRY_UNREACHABLE",
]);

function otherPlatform(
  text: string,
  image: ImageRecord,
  options: PullOptions,
  cause?: unknown,
): TsmanError {
  const { os, architecture, variant } = image.config;
  const own = formatPlatform({ os, architecture, variant });
  const wanted = options.platform === undefined ? "this host" : formatPlatform(options.platform);
  const why = cause instanceof Error ? `; ${cause.message}` : "";
  return new TsmanError(
    "PLATFORM_NOT_FOUND",
    `choose image ${text} for ${wanted}: the local one is for ${own}${why}`,
    {
      hint: `to take the local one: --platform ${own}`,
      details: { wanted, offered: [own] },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** Whether an image is for the platform that is asked for. */
export function serves(image: ImageRecord, options: PullOptions): boolean {
  if (options.platform === undefined) return true;
  const { os, architecture, variant } = image.config;
  const own = { os, architecture, variant };
  return (
    formatPlatform(own) === formatPlatform(options.platform) ||
    platformServes(own, options.platform)
  );
}
