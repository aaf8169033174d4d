import * as z from "zod/mini";
import { type ErrorCode, errorCodes } from "../errors/index.ts";
import type { UnpackLimits } from "./limits.ts";

/*
 * What the main process and the unpack worker say to each other.  The request is the worker's only
 * argument, the compressed layer its standard input, the layer's directory its working directory;
 * the answer is one JSON document on descriptor 3.
 */

/** Where the worker writes its answer. */
export const answerFd = 3;
/** An answer that is longer is refused by the main process. */
export const maxAnswerBytes = 4 * 1024 * 1024;

/** Ids that exist inside the user namespace. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** What the worker is asked to do. */
export interface UnpackRequest {
  readonly limits: UnpackLimits;
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
}

const count = z.int().check(z.nonnegative());
const idRange = z.strictObject({ first: count, count });

const requestSchema = z.strictObject({
  limits: z.strictObject({
    maxBytes: count,
    maxEntries: count,
    maxDepth: count,
    maxExtensionBytes: count,
    maxRatio: z.number().check(z.positive()),
    ratioFloor: count,
  }),
  uids: z.array(idRange),
  gids: z.array(idRange),
});

/** Reads the worker's argument; throws on anything else. */
export function parseUnpackRequest(text: string): UnpackRequest {
  return z.parse(requestSchema, JSON.parse(text));
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
    impliedDirectories: z.array(z.string()),
    opaqueRoot: z.boolean(),
  }),
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
