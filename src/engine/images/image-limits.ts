import { unpackLimits } from "../../config/environment.ts";
import { readLimits } from "../../layer/limits.ts";
import type { ExpansionLimits } from "../../platform/decompression.ts";

/** What an archive of images may expand to, compressed as a whole: as much as an image may. */
export function archiveLimits(): ExpansionLimits {
  const { maxImageBytes, maxRatio, ratioFloor } = readLimits(unpackLimits());
  return { maxBytes: maxImageBytes, maxRatio, ratioFloor };
}
