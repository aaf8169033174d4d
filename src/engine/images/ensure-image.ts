import { formatPlatform, platformServes } from "../../oci/platform.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";
import { findImage, getImage } from "./find-image.ts";

/**
 * The image that a container is to be made from, after the pull policy: `missing` (default) pulls
 * what is not there, `always` pulls, `newer` pulls when the registry has another, `never` does not.
 *
 * @throws TsmanError IMAGE_NOT_FOUND, or what a pull throws.
 */
export async function ensureImage(
  context: EngineContext,
  text: string,
  options: PullOptions,
): Promise<ImageRecord> {
  const policy = options.policy ?? "missing";
  if (policy === "never") return await getImage(context, text);
  const present = await findImage(context, text);
  const isUsable = present !== undefined && serves(present, options);
  // An image with a localhost/ name has no registry to ask.
  const isLocal = isUsable && present.names.some((name) => name.startsWith("localhost/"));
  if (isUsable && (policy === "missing" || isLocal)) return present;
  const { pullImage, isOutdated } = await import("./pull-image.ts");
  if (isUsable && policy === "newer" && !(await isOutdated(text, present, options))) return present;
  return await pullImage(context, text, options);
}

function serves(image: ImageRecord, options: PullOptions): boolean {
  if (options.platform === undefined) return true;
  const { os, architecture, variant } = image.config;
  const own = { os, architecture, variant };
  return (
    formatPlatform(own) === formatPlatform(options.platform) ||
    platformServes(own, options.platform)
  );
}
