import type { Transform } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { TsmanError } from "../errors/index.ts";

/** Output of one step in zlib's thread, which runs beside the thread that writes the files. */
const chunkBytes = 256 * 1024;
/** Input of one step; layers are compressed to a third or so. */
const inputBytes = 96 * 1024;
/** zlib's thread may be this far ahead. */
const aheadBytes = 2 * chunkBytes;

/** RFC 1952 2.3.1, RFC 8878 3.1.1 and 3.1.2. */
const gzipMagic = 0x1f8b;
const zstdMagic = 0xfd2fb528;
const zstdSkippable = 0x184d2a50;
/** bzip2 and xz are not in any image specification, but known enough to be named. */
const foreign: readonly (readonly [name: string, magic: string])[] = [
  ["bzip2", "BZh"],
  ["xz", "\xfd7zXZ"],
];

/** What helps where a layer is compressed so: skopeo reads these, and writes what is read here. */
export const foreignLayerHint =
  "layers are read with gzip, zstd or uncompressed; pack it anew: skopeo copy docker-archive:FILE docker-archive:NEW:NAME";

/** How far bytes may expand, of the limits that an image is held to. */
export interface ExpansionLimits {
  readonly maxBytes: number;
  readonly maxRatio: number;
  readonly ratioFloor: number;
}

/** The compressed bytes, piece by piece; undefined at its end. */
export interface ByteSource {
  read(): Promise<Buffer | undefined>;
}

/** Bytes that went in and came out so far. */
export interface Meter {
  compressed: number;
  unpacked: number;
}

/**
 * The uncompressed bytes of a layer or archive.  How it is packed is seen from its first bytes, as
 * Docker and Podman do: media types lie, and the diffID decides in the end.
 *
 * @param what for messages
 * @throws TsmanError LAYER_INVALID for damaged or cut off data, LAYER_LIMIT for a bomb
 */
export async function* decompress(
  source: ByteSource,
  limits: ExpansionLimits,
  meter: Meter,
  what = "the layer",
): AsyncGenerator<Buffer> {
  const head = await readHead(source);
  const unpacker = createUnpacker(head, what);
  const counted = countInput(source, head, meter);
  if (unpacker === undefined) {
    for await (const chunk of counted) yield checked(chunk, limits, meter, what);
    return;
  }
  const feeding = feed(gather(counted), unpacker);
  try {
    for await (const chunk of unpacker as AsyncIterable<Buffer>) {
      yield checked(chunk, limits, meter, what);
      // zlib's thread gets its next piece of work from the event loop: without a turn of it the
      // two threads would wait for each other in alternation.
      await setImmediate();
    }
  } catch (error) {
    throw error instanceof TsmanError ? error : damaged(error);
  } finally {
    unpacker.destroy();
  }
  await feeding;
}

/**
 * The uncompressed bytes of a blob, which is read to its end: what a compressor has appended to its
 * stream belongs to it too.
 *
 * @param meter counts on: the limits are those of several blobs, or parts, together
 * @throws TsmanError as {@link decompress}; what `bytes` throws
 */
export async function* decompressBlob(
  bytes: AsyncIterable<Uint8Array>,
  limits: ExpansionLimits,
  what: string,
  meter: Meter = { compressed: 0, unpacked: 0 },
): AsyncGenerator<Buffer> {
  const chunks = bytes[Symbol.asyncIterator]();
  const source: ByteSource = {
    read: async () => {
      const { done, value } = await chunks.next();
      return done === true ? undefined : Buffer.from(value.buffer, value.byteOffset, value.length);
    },
  };
  yield* decompress(source, limits, meter, what);
  while ((await source.read()) !== undefined);
}

/** The first bytes, at least four unless there are no more. */
async function readHead(source: ByteSource): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const chunk = await source.read();
    if (chunk === undefined) break;
    head = Buffer.concat([head, chunk]);
  }
  return head;
}

async function* countInput(source: ByteSource, head: Buffer, meter: Meter): AsyncGenerator<Buffer> {
  for (let chunk: Buffer | undefined = head; chunk !== undefined; chunk = await source.read()) {
    meter.compressed += chunk.length;
    if (chunk.length > 0) yield chunk;
  }
}

/**
 * How bytes are packed, by their beginning (of six bytes at least).
 *
 * @returns undefined for what is packed in a way that cannot be read here
 */
export function compressionOf(head: Buffer): "none" | "gzip" | "zstd" | undefined {
  if (head.length >= 2 && head.readUInt16BE(0) === gzipMagic) return "gzip";
  if (head.length >= 4) {
    const magic = head.readUInt32LE(0);
    const isSkippable = magic >= zstdSkippable && magic < zstdSkippable + 16;
    if (magic === zstdMagic || isSkippable) return "zstd";
  }
  return foreignName(head) === undefined ? "none" : undefined;
}

/**
 * With what a file is compressed that cannot be read here, also the name of the program that can.
 *
 * @param head its first six bytes
 */
export function foreignName(head: Buffer): string | undefined {
  return foreign.find(([, magic]) => head.toString("latin1", 0, magic.length) === magic)?.[0];
}

function createUnpacker(head: Buffer, what: string): Transform | undefined {
  const options = { chunkSize: chunkBytes, highWaterMark: aheadBytes };
  const compression = compressionOf(head);
  if (compression === "gzip") return createGunzip(options);
  if (compression === "zstd") return createZstdDecompress(options);
  if (compression === "none") return undefined;
  throw new TsmanError("LAYER_INVALID", `${what} is compressed with ${foreignName(head)}`, {
    hint: foreignLayerHint,
  });
}

/**
 * Fewer, larger pieces: each costs a round trip between the event loop and zlib's thread, and the
 * longer that thread is busy, the better it overlaps with the writing of files.
 */
async function* gather(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    // As it is: what a file is read in is large enough, and a copy costs as much as hashing it.
    if (size === 0 && chunk.length >= inputBytes) {
      yield chunk;
      continue;
    }
    gathered.push(chunk);
    size += chunk.length;
    if (size < inputBytes) continue;
    yield Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(gathered, size);
}

async function feed(chunks: AsyncIterable<Buffer>, unpacker: Transform): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (unpacker.destroyed) return;
      if (!unpacker.write(chunk)) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            unpacker.off("drain", done).off("close", done);
            resolve();
          };
          unpacker.on("drain", done).on("close", done);
        });
      }
    }
    unpacker.end();
  } catch (error) {
    unpacker.destroy(error as Error);
  }
}

function checked(chunk: Buffer, limits: ExpansionLimits, meter: Meter, what: string): Buffer {
  meter.unpacked += chunk.length;
  if (meter.unpacked > limits.maxBytes) {
    throw limit("maxBytes", limits.maxBytes, `${what} unpacks to more bytes than the limit`);
  }
  const isBig = meter.unpacked > limits.ratioFloor;
  if (isBig && meter.unpacked > meter.compressed * limits.maxRatio) {
    throw limit("maxRatio", limits.maxRatio, `${what}'s compression ratio is over the limit`);
  }
  return chunk;
}

function limit(name: keyof ExpansionLimits, value: number, why: string): TsmanError {
  return new TsmanError("LAYER_LIMIT", `${why} ${value}`, { details: { limit: name, value } });
}

function damaged(error: unknown): TsmanError {
  const why = error instanceof Error ? error.message : String(error);
  return new TsmanError("LAYER_INVALID", `decompress: ${why}`, { cause: error });
}
