import { hostPlatform, type Platform, parsePlatform } from "../../oci/platform.ts";
import { text, value } from "../option-spec.ts";
import { usageError } from "../usage-error.ts";
import { naming } from "./scalars.ts";

/** What is chosen of an image for several platforms: in one word, or in Podman's three. */
export const platformOptions = {
  arch: text({ metavar: "ARCH", summary: "instead of the host's: of a multi-platform image" }),
  os: text({ metavar: "OS", summary: "instead of the host's" }),
  platform: value({
    metavar: "OS/ARCH[/VARIANT]",
    summary: "choose from a multi-platform image",
    parse: naming(parsePlatform),
  }),
  variant: text({ metavar: "VARIANT", summary: "of the architecture: v7" }),
} as const;

/**
 * The platform that is asked for; undefined: the host's.
 *
 * @throws TsmanError USAGE when it is said twice, or no platform
 */
export function platformOf(values: {
  readonly arch: string | undefined;
  readonly os: string | undefined;
  readonly platform: Platform | undefined;
  readonly variant: string | undefined;
}): Platform | undefined {
  const { arch, os, platform, variant } = values;
  if (arch === undefined && os === undefined && variant === undefined) return platform;
  if (platform !== undefined) {
    throw usageError(
      "choose a platform: --platform and --arch, --os or --variant exclude each other",
      "say it with --platform alone",
    );
  }
  const host = hostPlatform();
  const words = [os ?? host.os, arch ?? host.architecture, variant];
  return parsePlatform(words.filter((word) => word !== undefined).join("/"));
}
