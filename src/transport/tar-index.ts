import { readSync } from "node:fs";
import { isTsmanError } from "../errors/index.ts";
import { emptyHeaderSum, headerSum, isZeroBlock, paddedSize, tarBlock } from "../oci/tar/block.ts";
import { parseTarNumber } from "../oci/tar/number.ts";
import { type PaxRecords, parsePaxNumber, parsePaxRecords } from "../oci/tar/pax-records.ts";
import { toGivenFileError } from "../platform/errno.ts";
import { invalidArchive, shown } from "./image-files.ts";

/** Where the bytes of a member lie in an archive. */
export interface MemberRange {
  readonly offset: number;
  readonly size: number;
}

/** More members, or longer extension headers, has no image. */
const maxMembers = 100_000;
const maxExtensionBytes = 64 * 1024;
/** Links that lead to links. */
const maxLinks = 8;

/** A member that was read: a file, or the name that a link leads to. */
type Member = { readonly range: MemberRange } | { readonly target: string; readonly hard: boolean };

/**
 * Looks through an archive for its files, without reading their contents.
 *
 * Members may come in any order.  What two readers could understand differently is refused (security
 * case S49): a name that stands there twice, a name or link that leads out of the archive, sizes that
 * disagree, sparse files.
 *
 * @param fd a regular file, uncompressed
 * @throws TsmanError ARCHIVE_INVALID
 */
export function indexArchive(fd: number, name: string): ReadonlyMap<string, MemberRange> {
  return new ArchiveIndexer(fd, name).run();
}

class ArchiveIndexer {
  readonly #fd: number;
  readonly #name: string;
  readonly #members = new Map<string, Member>();
  #position = 0;
  #records: PaxRecords | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(fd: number, name: string) {
    this.#fd = fd;
    this.#name = name;
  }

  run(): ReadonlyMap<string, MemberRange> {
    for (let count = 0; ; count += 1) {
      if (count > maxMembers) throw this.#invalid(`it has more than ${maxMembers} members`);
      const header = this.#readBlock();
      if (header === undefined) break;
      if (isZeroBlock(header)) {
        const next = this.#readBlock();
        if (next === undefined || isZeroBlock(next)) break;
        throw this.#invalid("it goes on after a zero block");
      }
      this.#readHeader(header);
    }
    if (this.#isExtended()) throw this.#invalid("it ends after an extended header");
    return this.#resolveLinks();
  }

  #readHeader(header: Buffer): void {
    const sum = headerSum(header);
    if (parseTarNumber(header, 148, 8) !== sum || sum === emptyHeaderSum) {
      throw this.#invalid("a header's checksum is wrong: not a tar archive, or a damaged one");
    }
    const size = parseTarNumber(header, 124, 12);
    const flag = header[156] === 0 ? "0" : header.toString("latin1", 156, 157);
    switch (flag) {
      case "x":
        if (this.#records !== undefined) throw this.#invalid("a member has two PAX headers");
        this.#records = this.#parsePax(this.#extension(size));
        return;
      case "g":
        this.#extension(size);
        return;
      case "L":
        if (this.#longName !== undefined) throw this.#invalid("a member has two long names");
        this.#longName = cString(this.#extension(size));
        return;
      case "K":
        if (this.#longLink !== undefined) throw this.#invalid("a member has two long links");
        this.#longLink = cString(this.#extension(size));
        return;
      default:
        this.#readMember(header, flag, size);
    }
  }

  #readMember(header: Buffer, flag: string, headerSize: number | undefined): void {
    const raw = this.#records?.get("path") ?? this.#longName ?? headerName(header);
    const link = this.#records?.get("linkpath") ?? this.#longLink ?? field(header, 157, 100);
    if (this.#records?.has("path") === true && this.#longName !== undefined) {
      throw this.#invalid(`member ${shown(raw)} has two long names`);
    }
    const size = this.#memberSize(raw, headerSize);
    this.#records = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    if (flag === "5") return;
    const file = this.#cleanName(raw, "member");
    switch (flag) {
      case "0":
      case "7":
        this.#add(file, { range: { offset: this.#position, size } });
        this.#skip(size);
        return;
      case "1":
      case "2": {
        if (size > 0) throw this.#invalid(`link ${shown(raw)} has a body`);
        const isHard = flag === "1";
        const base = isHard ? "" : `${file}/../`;
        const target = this.#cleanName(`${base}${link}`, `link ${shown(raw)} to`, link);
        this.#add(file, { target, hard: isHard });
        return;
      }
      default:
        throw this.#invalid(`member ${shown(raw)} is of type ${shown(flag)}, which no image has`);
    }
  }

  #memberSize(name: string, size: number | undefined): number {
    for (const key of this.#records?.keys() ?? []) {
      if (key.startsWith("GNU.sparse.")) throw this.#invalid(`member ${shown(name)} is sparse`);
    }
    const text = this.#records?.get("size");
    if (text === undefined) {
      if (size === undefined) throw this.#invalid(`member ${shown(name)} has an invalid size`);
      return size;
    }
    const stated = this.#asArchiveError(() => parsePaxNumber("size", text));
    // In the header a size that is too large for it is 0, or the same in another notation.
    if (size !== undefined && size !== stated && !(size === 0 && stated >= 8 ** 11)) {
      throw this.#invalid(`member ${shown(name)} has two sizes: ${size} and ${stated}`);
    }
    return stated;
  }

  #add(file: string, member: Member): void {
    if (this.#members.has(file)) throw this.#invalid(`member ${shown(file)} stands there twice`);
    this.#members.set(file, member);
  }

  #resolveLinks(): ReadonlyMap<string, MemberRange> {
    const files = new Map<string, MemberRange>();
    for (const [file, first] of this.#members) {
      let member: Member | undefined = first;
      for (let step = 0; member !== undefined && "target" in member; step += 1) {
        if (step === maxLinks) throw this.#invalid(`link ${shown(file)} leads to too many others`);
        member = this.#members.get(member.target);
      }
      // One that leads nowhere harms nobody unless the image names it.
      if (member !== undefined && "range" in member) files.set(file, member.range);
    }
    return files;
  }

  /** Without `./` and `a/../`; it must not lead out of the archive. */
  #cleanName(name: string, what: string, written = name): string {
    const parts: string[] = [];
    for (const part of name.split("/")) {
      if (part === "" || part === ".") continue;
      if (part !== "..") parts.push(part);
      else if (parts.pop() === undefined) {
        throw this.#invalid(`${what} ${shown(written)} leads out of the archive`);
      }
    }
    if (written.startsWith("/")) {
      throw this.#invalid(`${what} ${shown(written)} leads out of the archive`);
    }
    if (parts.length === 0) throw this.#invalid(`${what} ${shown(written)} has no name`);
    return parts.join("/");
  }

  #extension(size: number | undefined): Buffer {
    if (size === undefined || size > maxExtensionBytes) {
      throw this.#invalid("an extended header is too large");
    }
    return this.#read(paddedSize(size)).subarray(0, size);
  }

  #parsePax(body: Buffer): PaxRecords {
    return this.#asArchiveError(() => parsePaxRecords(body));
  }

  #asArchiveError<T>(parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      if (!isTsmanError(error)) throw error;
      throw this.#invalid(error.message, error);
    }
  }

  #isExtended(): boolean {
    return [this.#records, this.#longName, this.#longLink].some((part) => part !== undefined);
  }

  #skip(size: number): void {
    const end = this.#position + paddedSize(size);
    if (!Number.isSafeInteger(end)) throw this.#invalid("a member has an invalid size");
    // The last byte has to be there, or the archive was cut off.
    if (size > 0) {
      this.#position = end - 1;
      this.#read(1);
    }
  }

  /** The next header; undefined at the end of the file, which many archives have no mark of. */
  #readBlock(): Buffer | undefined {
    if (this.#position > 0 && this.#readSome(Buffer.alloc(1), 0) === 0) return undefined;
    return this.#read(tarBlock);
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let filled = 0; filled < length; ) {
      const count = this.#readSome(bytes, filled);
      if (count === 0) {
        const what = this.#position === 0 ? "it is empty or too short" : "it is cut off";
        throw this.#invalid(`${what}: not a tar archive, or a damaged one`);
      }
      filled += count;
    }
    this.#position += length;
    return bytes;
  }

  #readSome(bytes: Buffer, filled: number): number {
    const { length } = bytes;
    try {
      return readSync(this.#fd, bytes, filled, length - filled, this.#position + filled);
    } catch (error) {
      throw toGivenFileError(error, `read ${this.#name}`, "read");
    }
  }

  #invalid(why: string, cause?: unknown): Error {
    return invalidArchive(this.#name, why, cause);
  }
}

/** The name in the header itself: of ustar in two parts. */
function headerName(header: Buffer): string {
  const name = field(header, 0, 100);
  const isUstar = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isUstar ? field(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function field(header: Buffer, offset: number, length: number): string {
  return cString(header.subarray(offset, offset + length));
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end === -1 ? bytes.length : end);
}
