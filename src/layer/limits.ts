/**
 * How much a layer may ask of this machine before it is refused with LAYER_LIMIT (security case
 * S46).  The defaults are far above any honest layer; `tsman` takes others from its caller.
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

/** Used where the caller says nothing else. */
export const defaultUnpackLimits: UnpackLimits = {
  maxBytes: 128 * 1024 ** 3,
  maxEntries: 2_000_000,
  maxDepth: 256,
  maxExtensionBytes: 1024 ** 2,
  maxRatio: 250,
  ratioFloor: 1024 ** 3,
};
