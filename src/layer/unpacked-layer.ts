import { TsmanError } from "../errors/index.ts";
import { type DiffId, diffIdFromHex } from "../oci/digest.ts";
import { defaultImageLimits, type ImageLimits, limitHint } from "./limits.ts";
import type { UnpackAnswer } from "./worker-protocol.ts";

/** What an unpack made, and what it had to leave out. */
export interface UnpackedLayer {
  readonly diffId: DiffId;
  /** Archive headers read. */
  readonly entries: number;
  /** Of the uncompressed archive. */
  readonly bytes: number;
  readonly compressedBytes: number;
  /** Device entries, which are never made. */
  readonly skippedDevices: number;
  /** Extended attributes that are reserved, or that this host does not take. */
  readonly droppedXattrs: number;
  /** Files whose owner the id mapping lacks: 0 instead, the truth in `user.tsman.owner`. */
  readonly lostOwners: number;
  /**
   * Directories that the archive only implied (`maxImpliedBytes` of names at most), byte strings,
   * "" for the root: 0755, root, 1970, unless `UnpackWorker.inherit` knows better.
   */
  readonly impliedDirectories: readonly string[];
  /** The layer hides everything below it (an opaque whiteout at its root). */
  readonly opaqueRoot: boolean;
}

/**
 * Reads the worker's answer.
 *
 * @param context what was done, for messages
 * @throws TsmanError why the worker has refused the layer; DIGEST_MISMATCH
 */
export function toUnpackedLayer(
  answer: UnpackAnswer,
  diffId: DiffId,
  context: string,
): UnpackedLayer {
  if (answer.outcome === "failed") {
    const { code, message, hint, details } = answer;
    throw new TsmanError(code, `${context}: ${message}`, {
      hint: hint ?? hintFor(details),
      details: { ...details, diffId },
    });
  }
  if (answer.outcome === "inherited") throw new TsmanError("INTERNAL", `${context}: no layer`);
  const actual = diffIdFromHex(answer.sha256);
  if (actual !== diffId) {
    throw new TsmanError(
      "DIGEST_MISMATCH",
      `${context}: its diffID is ${actual}, the image config says ${diffId}`,
      { details: { expected: diffId, actual } },
    );
  }
  const { entries, bytes, compressedBytes, droppedXattrs, lostOwners, opaqueRoot } = answer;
  return {
    diffId,
    entries,
    bytes,
    compressedBytes,
    skippedDevices: answer.devices,
    droppedXattrs,
    lostOwners,
    impliedDirectories: answer.impliedDirectories,
    opaqueRoot,
  };
}

function hintFor({ limit, value }: Readonly<Record<string, unknown>>): string | undefined {
  const isLimit = typeof limit === "string" && Object.hasOwn(defaultImageLimits, limit);
  if (!isLimit || typeof value !== "number") return undefined;
  return limitHint(limit as keyof ImageLimits, value);
}
