import * as z from "zod/mini";
import { type ErrorCode, errorCodes } from "../errors/index.ts";
import type { UnpackLimits } from "./limits.ts";

/*
 * What the main process and the unpack worker say to each other.
 *
 * The order ({@link WorkerOrder}) is the worker's only argument.  The directories of the layers are
 * descriptors from `firstDirectoryFd` on, since root of a user namespace may not be able to walk
 * the paths to them.  Standard input brings one layer after the other, in frames:
 *
 *     frame  = length (32 bit, big-endian) bytes
 *     layer  = frame (a {@link LayerRequest}) *frame (the compressed bytes) frame (of length 0)
 *
 * or, to give directories of a layer the attributes that they have in lower ones,
 *
 *     layer  = frame (an {@link InheritRequest}) *frame (JSON: names of directories) frame
 *
 * After each the worker writes one line with a JSON document to `answerFd`.  The first that fails is
 * its last: nothing of a refused layer is carried into another.
 */

/** Where the worker writes its answers. */
export const answerFd = 3;
/** The worker's descriptor of the first directory. */
export const firstDirectoryFd = 4;
/** An answer that is longer is refused by the main process. */
export const maxAnswerBytes = 4 * 1024 * 1024;
/** Names of implied directories that are longer in sum are cut off. */
export const maxImpliedBytes = 1024 * 1024;
/** A {@link LayerRequest} that is longer is refused by the worker. */
export const maxRequestBytes = 64 * 1024;

/** Ids that exist inside the user namespace. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** What holds for all layers of a worker. */
export interface WorkerOrder {
  /** Number of directories. */
  readonly directories: number;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

/** What the worker is asked to do with one layer. */
export interface LayerRequest {
  /** Counted from 0; each is used once. */
  readonly directory: number;
  readonly limits: UnpackLimits;
}

/** What the worker is asked to do with a layer that is unpacked. */
export interface InheritRequest {
  readonly directory: number;
  /** The layers below it, uppermost first. */
  readonly lowers: readonly number[];
}

const count = z.int().check(z.nonnegative());
const idRange = z.strictObject({ first: count, count });

const orderSchema = z.strictObject({
  directories: count,
  uids: z.array(idRange),
  gids: z.array(idRange),
});

const requestSchema = z.strictObject({
  directory: count,
  limits: z.strictObject({
    maxBytes: count,
    maxEntries: count,
    maxDepth: count,
    maxExtensionBytes: count,
    maxRatio: z.number().check(z.positive()),
    ratioFloor: count,
  }),
});

/** Reads the worker's argument; throws on anything else. */
export function parseWorkerOrder(text: string): WorkerOrder {
  return z.parse(orderSchema, JSON.parse(text));
}

const inheritSchema = z.strictObject({ directory: count, lowers: z.array(count) });

/** Reads a layer's first frame; throws on anything else. */
export function parseRequest(text: string): LayerRequest | InheritRequest {
  return z.parse(z.union([requestSchema, inheritSchema]), JSON.parse(text));
}

/** Reads the names of implied directories; throws on anything else. */
export function parseImplied(text: string): string[] {
  return z.parse(z.array(z.string().check(z.regex(/^(?:\/[^/\0]+)*$/))), JSON.parse(text));
}

/** What comes before the bytes of a frame. */
export function frameHead(length: number): Buffer {
  const head = Buffer.allocUnsafe(4);
  head.writeUInt32BE(length);
  return head;
}

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];

const answerSchema = z.discriminatedUnion("outcome", [
  z.strictObject({
    outcome: z.literal("unpacked"),
    /** Hexadecimal sha256 of the uncompressed archive. */
    sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
    entries: count,
    /** Of the uncompressed archive. */
    bytes: count,
    compressedBytes: count,
    devices: count,
    droppedXattrs: count,
    lostOwners: count,
    /** Byte strings. */
    impliedDirectories: z.array(z.string()),
    opaqueRoot: z.boolean(),
  }),
  z.strictObject({ outcome: z.literal("inherited"), directories: count }),
  z.strictObject({
    outcome: z.literal("failed"),
    code: z.enum(codes),
    message: z.string(),
    hint: z.optional(z.string()),
    details: z.record(
      z.string(),
      z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]),
    ),
  }),
]);

/** The worker's answer. */
export type UnpackAnswer = z.infer<typeof answerSchema>;

/** Reads an answer; undefined for anything that is none. */
export function parseUnpackAnswer(text: string): UnpackAnswer | undefined {
  try {
    const parsed = z.safeParse(answerSchema, JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
