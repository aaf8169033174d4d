import { closeSync, fstatSync, readSync } from "node:fs";
import { isTsmanError, TsmanError } from "../errors/index.ts";
import {
  compressionOf,
  decompressBlob,
  type ExpansionLimits,
  foreignName,
} from "../platform/decompression.ts";
import { toGivenFileError } from "../platform/errno.ts";
import { readStream } from "../platform/read-stream.ts";
import { archiveFiles } from "./archive-files.ts";
import { type ImageFiles, invalidArchive } from "./image-files.ts";
import { Spool } from "./spool.ts";

/** What {@link openArchive} takes besides the descriptor. */
export interface OpenArchiveOptions {
  /** As messages name it. */
  readonly name: string;
  readonly limits: ExpansionLimits;
  /** An empty file that nobody else sees, for what cannot be read twice. */
  readonly openSpool: () => number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens an archive of images.  A plain file is read where it lies; what comes from a pipe, or is
 * compressed with gzip or zstd as a whole, is kept in a temporary file first, since the file that
 * names all others usually comes last.
 *
 * @param fd closed with the result, or with the error
 * @throws TsmanError ARCHIVE_INVALID, LAYER_LIMIT, DISK_FULL, INTERRUPTED
 */
export async function openArchive(fd: number, options: OpenArchiveOptions): Promise<ImageFiles> {
  const { name, openSpool } = options;
  const isPlain = guarded(fd, () => isRegular(fd) && !isCompressed(fd, name));
  if (isPlain) return guarded(fd, () => archiveFiles(fd, name));
  const spooled = guarded(fd, openSpool);
  try {
    await keep(fd, spooled, options);
    return archiveFiles(spooled, name);
  } catch (error) {
    closeSync(spooled);
    throw error;
  }
}

/** Closes the descriptor when the work fails. */
function guarded<T>(fd: number, work: () => T): T {
  try {
    return work();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function isRegular(fd: number): boolean {
  return fstatSync(fd).isFile();
}

/** Whether it begins like something else than a tar archive, with which any compressed file does. */
function isCompressed(fd: number, name: string): boolean {
  const head = Buffer.alloc(6);
  try {
    readSync(fd, head, 0, head.length, 0);
  } catch (error) {
    throw toGivenFileError(error, `read ${name}`, "read");
  }
  return compressionOf(head) !== "none";
}

async function keep(fd: number, spooled: number, options: OpenArchiveOptions): Promise<void> {
  const { name, limits, signal } = options;
  const bytes = readStream(fd, signal);
  // The spool is the caller's to close.
  const spool = new Spool(spooled, name);
  try {
    for await (const chunk of decompressBlob(refusingForeign(bytes, name), limits, "it")) {
      await spool.write(chunk);
    }
  } catch (error) {
    if (isTsmanError(error, "LAYER_INVALID")) throw invalidArchive(name, error.message, error);
    throw toGivenFileError(error, `read ${name}`, "read");
  }
}

/** The same bytes, unless they are compressed in a way for which another program is needed. */
async function* refusingForeign(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  let head = Buffer.alloc(0);
  for await (const chunk of bytes) {
    if (head.length < 6) {
      head = Buffer.concat([head, chunk.subarray(0, 6 - head.length)]);
      const program = foreignName(head);
      if (program !== undefined) {
        throw new TsmanError("ARCHIVE_INVALID", `read ${name}: it is compressed with ${program}`, {
          hint: `uncompress it on the way: ${program} -dc FILE | tsman load`,
        });
      }
    }
    yield chunk;
  }
}
