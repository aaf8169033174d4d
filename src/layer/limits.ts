import { TsmanError } from "../errors/index.ts";

/**
 * How much a layer may ask of this machine before it is refused with LAYER_LIMIT (security case
 * S46).  The defaults are far above any honest layer; {@link readLimits} takes others.
 */
export interface UnpackLimits {
  /** Bytes of the uncompressed archive. */
  readonly maxBytes: number;
  /** Archive headers, extension headers included. */
  readonly maxEntries: number;
  /** Components of a path. */
  readonly maxDepth: number;
  /** Bytes of one PAX or GNU extension header (names, extended attributes). */
  readonly maxExtensionBytes: number;
  /** Uncompressed bytes per compressed byte, once `ratioFloor` bytes are exceeded. */
  readonly maxRatio: number;
  /** Uncompressed bytes up to which any ratio is fine: a small layer of zeros harms nobody. */
  readonly ratioFloor: number;
}

/** What an image may ask of it; the limits of its single layers included. */
export interface ImageLimits extends UnpackLimits {
  /** Layers of an image. */
  readonly maxLayers: number;
  /** Bytes of the uncompressed archives of all layers that are unpacked for an image. */
  readonly maxImageBytes: number;
  /** Their archive headers. */
  readonly maxImageEntries: number;
}

/** Used where the caller says nothing else. */
export const defaultUnpackLimits: UnpackLimits = {
  maxBytes: 128 * 1024 ** 3,
  maxEntries: 2_000_000,
  maxDepth: 256,
  maxExtensionBytes: 1024 ** 2,
  maxRatio: 250,
  ratioFloor: 1024 ** 3,
};

/** Used where TSMAN_LIMITS says nothing else. */
export const defaultImageLimits: ImageLimits = {
  ...defaultUnpackLimits,
  // OVL_MAX_STACK of fs/overlayfs/super.c.
  maxLayers: 500,
  maxImageBytes: 256 * 1024 ** 3,
  maxImageEntries: 4_000_000,
};

const sizes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/**
 * Reads `maxImageBytes=500g,maxLayers=600`, as TSMAN_LIMITS has it.
 *
 * @returns the defaults with what the text changes
 * @throws TsmanError CONFIG_INVALID
 */
export function readLimits(text: string | undefined): ImageLimits {
  const limits: Record<string, number> = { ...defaultImageLimits };
  for (const word of text?.split(",") ?? []) {
    const [, name = "", number = "", unit = ""] = /^(\w+)=(\d{1,15})([kmgt]?)$/i.exec(word) ?? [];
    const value = Number(number) * (sizes[unit.toLowerCase()] ?? 1);
    if (!Object.hasOwn(limits, name) || value === 0) {
      throw new TsmanError(
        "CONFIG_INVALID",
        `read TSMAN_LIMITS: ${JSON.stringify(word.slice(0, 80))} is not of the form NAME=NUMBER[k|m|g|t]`,
        { hint: `the names are: ${Object.keys(limits).join(", ")}` },
      );
    }
    limits[name] = value;
  }
  return limits as unknown as ImageLimits;
}

/** What a user does about a limit that a trusted image exceeds. */
export function limitHint(name: keyof ImageLimits, value: number): string {
  return `if you trust the image, raise the limit: TSMAN_LIMITS=${name}=${value * 2} tsman …`;
}
