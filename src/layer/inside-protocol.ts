import * as z from "zod/mini";
import { type ErrorCode, errorCodes } from "../errors/index.ts";

/*
 * What the main process and an inside worker (./inside) say to each other.  The request is the
 * worker's only argument; archives go over its standard input and output; its answers are lines of
 * JSON on descriptor 3.  Paths and names are byte strings (worker/entry-name.ts).
 */

/** Where the worker writes its answers. */
export const insideAnswerFd = 3;
/** The directory that the worker makes its root; without it: its working directory. */
export const insideRootFd = 4;
/** Answers are longer only if something is very wrong. */
export const maxInsideAnswerBytes = 1024 * 1024;

const bytes = z.string().check(z.regex(/^[\x01-\xff]*$/));
const count = z.int().check(z.nonnegative());
const idRange = z.strictObject({ first: count, count });

const archiveRequest = z.strictObject({
  op: z.literal("archive"),
  hasRootFd: z.boolean(),
  /** Absolute, inside. */
  source: bytes,
  /** A file is not what was meant: the path ended with `/` or `/.`. */
  mustBeDirectory: z.boolean(),
  /** What the source is called in the archive; "" for a directory: only what is in it. */
  name: bytes,
  /** Name of a source that is no directory where `name` is "". */
  fileName: bytes,
  isSingleId: z.boolean(),
  /** Files with holes come without them: for `hasLayouts` at the other end. */
  writesLayouts: z.boolean(),
});

const extractRequest = z.strictObject({
  op: z.literal("extract"),
  hasRootFd: z.boolean(),
  /** Absolute, inside. */
  destination: bytes,
  mustBeDirectory: z.boolean(),
  /** What the archive holds: one file, what is in one directory, or anything. */
  source: z.enum(["file", "directory", "archive"]),
  /** It was written by `writesLayouts`. */
  hasLayouts: z.boolean(),
  /** The name that a source keeps inside an existing directory; "": what is in it is wanted. */
  name: bytes,
  /** A directory may replace something else and the other way round. */
  overwrite: z.boolean(),
  /** "archive": as it says; "ours": the worker's own; else a user of the container. */
  owner: z.union([
    z.literal("archive"),
    z.literal("ours"),
    z.strictObject({ user: z.string().check(z.maxLength(512)) }),
  ]),
  uids: z.array(idRange),
  gids: z.array(idRange),
});

const layerRequest = z.strictObject({
  op: z.enum(["diff", "layer"]),
  hasRootFd: z.boolean(),
  /** Directories of the view, by number, that are compared: one, unless `kind` is "merged". */
  own: z.array(count).check(z.minLength(1)),
  /** Those of the layers that they are compared with, the topmost first. */
  layers: z.array(count),
  /** `own` is an upper directory of overlay or of fuse-overlayfs, or holds all files. */
  kind: z.enum(["upper", "marked-upper", "complete", "merged"]),
  /** Paths that are left out where the container has nothing but an empty file or directory. */
  stubs: z.array(bytes),
  /** What it is compared with has such paths too. */
  hasLowerStubs: z.boolean(),
  isSingleId: z.boolean(),
});

const digestRequest = z.strictObject({
  op: z.literal("digest"),
  hasRootFd: z.boolean(),
  /** Directories, absolute, inside. */
  trees: z.array(bytes),
  isSingleId: z.boolean(),
});

const requestSchema = z.discriminatedUnion("op", [
  archiveRequest,
  extractRequest,
  layerRequest,
  digestRequest,
]);

export type ArchiveRequest = z.infer<typeof archiveRequest>;
export type ExtractRequest = z.infer<typeof extractRequest>;
export type LayerRequest = z.infer<typeof layerRequest>;
export type DigestRequest = z.infer<typeof digestRequest>;
export type InsideRequest = z.infer<typeof requestSchema>;

/** Reads the worker's argument; throws on anything else. */
export function parseInsideRequest(text: string): InsideRequest {
  return z.parse(requestSchema, JSON.parse(text));
}

const codes = Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]];

const answerSchema = z.discriminatedUnion("kind", [
  /** Of `archive`, before its first byte: what the source is. */
  z.strictObject({ kind: z.literal("source"), type: z.enum(["file", "directory"]) }),
  z.strictObject({
    kind: z.literal("done"),
    entries: count,
    /** Left out: devices, and in a layer what has the name of a whiteout. */
    devices: count,
    sockets: count,
    /** Files that changed while they were read. */
    changed: count,
    droppedXattrs: count,
    lostOwners: count,
  }),
  z.strictObject({
    kind: z.literal("failed"),
    code: z.enum(codes),
    message: z.string(),
    hint: z.optional(z.string()),
  }),
]);

export type InsideAnswer = z.infer<typeof answerSchema>;
/** The last answer of a worker that did what it was asked to. */
export type InsideCounts = Omit<Extract<InsideAnswer, { kind: "done" }>, "kind">;

/** Reads one line; undefined for anything that is no answer. */
export function parseInsideAnswer(line: string): InsideAnswer | undefined {
  try {
    const parsed = z.safeParse(answerSchema, JSON.parse(line));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
