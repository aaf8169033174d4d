import { type Digest, isDigest } from "../digest.ts";
import { type ScannedText, TocScanner } from "./toc-scanner.ts";

/** A file of a layer, as its table of contents has it. */
export interface TocFile {
  /** As in the archive; undefined where it holds what a line of text cannot. */
  readonly name: string | undefined;
  /** Bytes of its content. */
  readonly size: number;
  /** sha256 of its content, 64 hexadecimal digits. */
  readonly sha256: string;
  /**
   * Bytes of the blob that hold the first {@link covered} bytes of the content and nothing else;
   * undefined where there are none such.
   */
  readonly range: { readonly start: number; readonly end: number } | undefined;
  readonly covered: number;
}

/** A table of contents. */
export interface Toc {
  /** In the order of the archive: all of them are files with content. */
  readonly files: readonly TocFile[];
  /** sha256 of the compressed list of the archive's headers (tar-split), if there is one. */
  readonly splitDigest: Digest | undefined;
}

/** How the blob's bytes are laid out. */
export interface TocRules {
  readonly format: "zstd:chunked" | "eStargz";
  /** No file's bytes lie behind this. */
  readonly dataEnd: number;
}

interface Entry {
  isFile: boolean;
  isChunk: boolean;
  name: string | undefined;
  sha256: string | undefined;
  size: number;
  offset: number;
  endOffset: number;
  innerOffset: number;
  chunkOffset: number;
}

const numbers = ["size", "offset", "endOffset", "innerOffset", "chunkOffset"] as const;
const topNames = ["version", "entries", "tarSplitDigest"].map((name) => Buffer.from(name));
const entryNames = ["type", "name", "digest", ...numbers].map((name) => Buffer.from(name));
const [regular, chunk] = [Buffer.from("reg"), Buffer.from("chunk")];
/** PATH_MAX */
const maxNameBytes = 4096;

/**
 * Reads a table of contents: what it says are hints, which nobody may rely on.  All ranges lie
 * inside the blob, in order, and do not overlap.
 *
 * In zstd:chunked a file is a sequence of frames of its own.  In eStargz it begins with a member of
 * its own, or with several, but the last one goes on with the headers of what follows; so there
 * only what comes before that can be left out.
 *
 * @throws SyntaxError for what is no such table, or none that tsman knows
 */
export function parseToc(bytes: Buffer, rules: TocRules): Toc {
  const files: TocFile[] = [];
  let open: { readonly file: Entry; last: Entry } | undefined;
  const close = (): void => {
    if (open !== undefined) files.push(...fileOf(open.file, open.last, rules));
    open = undefined;
  };
  let version = 0;
  let splitDigest: Digest | undefined;
  const scanner = new TocScanner(bytes);
  scanner.object((name) => {
    if (name === "version") version = scanner.count();
    else if (name === "entries") {
      scanner.array(() => {
        const entry = readEntry(scanner);
        if (entry.isChunk && open !== undefined) {
          open.last = entry;
          return;
        }
        close();
        if (entry.isFile) open = { file: entry, last: entry };
      });
    } else if (name === "tarSplitDigest") splitDigest = digestOf(scanner, scanner.text());
    else return false;
    return true;
  }, topNames);
  scanner.finish();
  close();
  if (version !== 1) throw new SyntaxError(`a table of contents of version ${version}`);
  assertApart(files);
  return { files, splitDigest };
}

function readEntry(scanner: TocScanner): Entry {
  const entry: Entry = {
    isFile: false,
    isChunk: false,
    name: undefined,
    sha256: undefined,
    size: 0,
    offset: 0,
    endOffset: 0,
    innerOffset: 0,
    chunkOffset: 0,
  };
  scanner.object((name) => {
    const number = numbers.find((one) => one === name);
    if (number !== undefined) {
      entry[number] = scanner.count();
      return true;
    }
    if (name === undefined) return false;
    const text = scanner.text();
    if (name === "type") {
      entry.isFile = scanner.is(text, regular);
      entry.isChunk = scanner.is(text, chunk);
    } else if (name === "digest") entry.sha256 = digestOf(scanner, text)?.slice("sha256:".length);
    else entry.name = nameOf(scanner, text);
    return true;
  }, entryNames);
  return entry;
}

function digestOf(scanner: TocScanner, text: ScannedText): Digest | undefined {
  const digest = text.end - text.start === 71 ? scanner.string(text) : "";
  return isDigest(digest) ? digest : undefined;
}

function nameOf(scanner: TocScanner, text: ScannedText): string | undefined {
  const isPlain = !text.hasEscapes && text.end - text.start <= maxNameBytes;
  const name = isPlain ? scanner.string(text) : "";
  return name === "" || /[\x00-\x1f\ufffd]/.test(name) ? undefined : name;
}

/** Nothing for an empty file, or one whose content has no digest. */
function fileOf(file: Entry, last: Entry, { format, dataEnd }: TocRules): TocFile[] {
  const { name, size, sha256, offset: start } = file;
  if (size === 0 || sha256 === undefined) return [];
  const isStargz = format === "eStargz";
  const end = isStargz ? last.offset : file.endOffset;
  const covered = isStargz ? last.chunkOffset : size;
  const isShared = file.innerOffset > 0 || last.innerOffset > 0;
  const isUsable = start < end && end <= dataEnd && covered > 0 && covered <= size && !isShared;
  return [{ name, size, sha256, range: isUsable ? { start, end } : undefined, covered }];
}

function assertApart(files: readonly TocFile[]): void {
  let reached = 0;
  for (const { range } of files) {
    if (range === undefined) continue;
    if (range.start < reached) throw new SyntaxError("files of a table of contents overlap");
    reached = range.end;
  }
}
