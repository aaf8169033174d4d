import { sha256Digest } from "../../oci/digest.ts";
import { parseTarSplit, type SplitPiece } from "../../oci/toc/tar-split.ts";
import { parseToc, type TocFile } from "../../oci/toc/toc-document.ts";
import {
  maxTocBytes,
  maxUnpackedSplitBytes,
  maxUnpackedTocBytes,
  type TocLocation,
} from "../../oci/toc/toc-location.ts";
import { decompressBlob } from "../../platform/decompression.ts";

/** Gives bytes `start` to `end` (not included) of a blob. */
export type ReadPart = (start: number, end: number) => Promise<Buffer>;

/** What a layer's table of contents says. */
export interface LayerToc {
  readonly files: readonly TocFile[];
  /** Where the blob's archive ends. */
  readonly dataEnd: number;
  /** The archive's headers, if they are listed. */
  readonly split: LayerSplit | undefined;
}

/** The archive without the contents of its files. */
export interface LayerSplit {
  readonly document: Buffer;
  readonly pieces: readonly SplitPiece[];
}

/** RFC 8878, 3.1.2: before the content of a skippable frame come its magic number and its size. */
const skippableHead = 8;
/** stargz-snapshotter, docs/estargz.md, "Footer": the place of the table, in sixteen digits. */
const footerBytes = 51;
const footer = /SG\x16\0([0-9a-f]{16})STARGZ/;
/** In the archive, before the table, is its header. */
const tarBlock = 512;
const tocName = "stargz.index.json";

/**
 * Reads the table of contents of a layer, and sees to it that it is the one that the image's
 * manifest means.
 *
 * @param size bytes of the blob
 * @throws Error for any table that is not as it should be, or is too large; what `read` throws
 */
export async function readLayerToc(
  location: TocLocation,
  size: number,
  read: ReadPart,
): Promise<LayerToc> {
  const { format, digest } = location;
  if (format === "zstd:chunked") {
    const { start, end, split } = location;
    // At once where one follows the other, as they do.
    const isNext = split !== undefined && split.start >= end && split.start - end < tarBlock;
    const both = await read(start, isNext ? split.end : end);
    const packed = both.subarray(0, end - start);
    assertMeant(packed, digest);
    const dataEnd = start - skippableHead;
    const document = await unpacked(packed, maxUnpackedTocBytes);
    const { files, splitDigest } = parseToc(document, { format, dataEnd });
    const headers =
      isNext && splitDigest !== undefined
        ? await readSplit(both.subarray(split.start - start), splitDigest)
        : undefined;
    return { files, dataEnd, split: headers };
  }
  const last = (await read(size - footerBytes, size)).toString("latin1");
  const start = Number.parseInt(footer.exec(last)?.[1] ?? "", 16);
  const length = size - footerBytes - start;
  if (!(start > 0 && length > 0 && length <= maxTocBytes)) throw new Error("no place for a table");
  const packed = await read(start, size - footerBytes);
  const archive = await unpacked(packed, maxUnpackedTocBytes + 3 * tarBlock);
  const end = archive.indexOf(0);
  const bytes = Number.parseInt(archive.toString("latin1", 124, 136), 8);
  if (archive.toString("latin1", 0, end) !== tocName || !(bytes <= archive.length - tarBlock)) {
    throw new Error("not the header of a table");
  }
  const document = archive.subarray(tarBlock, tarBlock + bytes);
  assertMeant(document, digest);
  const { files } = parseToc(document, { format, dataEnd: start });
  return { files, dataEnd: size, split: undefined };
}

async function readSplit(packed: Buffer, digest: string): Promise<LayerSplit> {
  assertMeant(packed, digest);
  const document = await unpacked(packed, maxUnpackedSplitBytes);
  return { document, pieces: parseTarSplit(document) };
}

function assertMeant(bytes: Buffer, digest: string): void {
  if (sha256Digest(bytes) !== digest) throw new Error("not the table that the manifest means");
}

async function unpacked(packed: Buffer, maxBytes: number): Promise<Buffer> {
  const limits = { maxBytes, maxRatio: Number.POSITIVE_INFINITY, ratioFloor: 0 };
  const chunks: Buffer[] = [];
  for await (const chunk of decompressBlob(once(packed), limits, "the table")) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
