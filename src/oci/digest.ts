import { createHash } from "node:crypto";
import { type ErrorCode, TsmanError } from "../errors/index.ts";

declare const digestBrand: unique symbol;
declare const diffIdBrand: unique symbol;
declare const chainIdBrand: unique symbol;

/**
 * `sha256:` and 64 lower-case hexadecimal digits: the name of bytes as they travel (a manifest, a
 * config, a compressed layer); image-spec/descriptor.md, "Digests".
 */
export type Digest = string & { readonly [digestBrand]: true };

/** The digest of a layer's *uncompressed* archive; image-spec/config.md, "Layer DiffID". */
export type DiffId = string & { readonly [diffIdBrand]: true };

/** The name of a stack of layers; image-spec/config.md, "Layer ChainID". */
export type ChainId = string & { readonly [chainIdBrand]: true };

const digestLength = "sha256:".length + 64;
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** Whether `text` is a digest that tsman takes; safe to use in a URL or path if so (case S55). */
export function isDigest(text: string): text is Digest {
  return text.length === digestLength && digestPattern.test(text);
}

/**
 * Checks a digest's grammar before it goes into any URL, path or comparison.
 *
 * @param what what the digest is of, for the message
 * @throws TsmanError with `code` (default MANIFEST_INVALID) for anything but `sha256:<64 hex>`
 */
export function parseDigest(
  text: string,
  what = "digest",
  code: ErrorCode = "MANIFEST_INVALID",
): Digest {
  if (isDigest(text)) return text;
  throw new TsmanError(code, `read ${what} ${quoted(text)}: ${digestFault(text)}`);
}

/**
 * The same for a diffID.
 *
 * @throws TsmanError MANIFEST_INVALID
 */
export function parseDiffId(text: string, what = "diffID"): DiffId {
  return parseDigest(text, what) as string as DiffId;
}

/** Why a text is no digest; for messages. */
export function digestFault(text: string): string {
  const separator = text.indexOf(":");
  if (separator <= 0) return "not of the form sha256:<64 hexadecimal digits>";
  const algorithm = text.slice(0, separator);
  if (algorithm !== "sha256") {
    return /^[a-z0-9]+([+._-][a-z0-9]+)*$/.test(algorithm.slice(0, 64))
      ? `algorithm ${algorithm.slice(0, 64)} is not supported, only sha256`
      : "not of the form sha256:<64 hexadecimal digits>";
  }
  const hex = text.slice(separator + 1);
  const wrong = /[^0-9a-f]/.exec(hex);
  if (wrong !== null) {
    return `${quoted(wrong[0])} is not a lower-case hexadecimal digit`;
  }
  return `${hex.length} hexadecimal digits instead of 64`;
}

/** The 64 hexadecimal digits: a file name. */
export function digestHex(digest: Digest | DiffId | ChainId): string {
  return digest.slice("sha256:".length);
}

/** The first twelve hexadecimal digits, as people read them. */
export function shortDigest(digest: Digest | DiffId | ChainId): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

/** The digest of bytes in memory. */
export function sha256Digest(bytes: Uint8Array | string): Digest {
  return digestFromHex(createHash("sha256").update(bytes).digest("hex"));
}

/** Puts `sha256:` before what a hash object ended with. */
export function digestFromHex(hex: string): Digest {
  return `sha256:${hex}` as Digest;
}

/** Puts `sha256:` before the hash of an uncompressed archive. */
export function diffIdFromHex(hex: string): DiffId {
  return `sha256:${hex}` as DiffId;
}

/** Quoted with everything that is not printable ASCII escaped, cut to a readable length. */
function quoted(text: string): string {
  const cut = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return JSON.stringify(cut).replace(
    /[^\x20-\x7e…]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
