import { TsmanError } from "../../errors/index.ts";
import {
  emptyHeaderSum,
  headerSum,
  isZeroBlock,
  paddedSize,
  tarBlock,
} from "../../oci/tar/block.ts";
import { parseTarNumber } from "../../oci/tar/number.ts";
import {
  encodeByteStrings,
  type PaxRecords,
  parsePaxNumber,
  parsePaxRecords,
} from "../../oci/tar/pax-records.ts";
import type { UnpackLimits } from "../limits.ts";
import { displayName } from "./entry-name.ts";

/** The first size that an octal field of eleven digits does not hold. */
const beyondOctal = 8 ** 11;

/** What follows a header. */
type Body =
  /** Goes on to tar-stream. */
  | "pass"
  /** A PAX header's records: held back until they are complete. */
  | "pax"
  /** A global PAX header: dropped. */
  | "drop";

/**
 * A stage in front of tar-stream that follows the archive from header to header and
 *
 * - turns PAX text into byte strings (see `encodeByteStrings`), since tar-stream decodes it as
 *   UTF-8, which loses names and binary extended attributes;
 * - refuses whatever tar readers disagree on – where an entry ends, which of two names counts, what
 *   follows the end mark – before tar-stream sees it (security case S49).  Go's archive/tar, by
 *   which images are made and checked, is the reference: no global PAX records, nothing after two
 *   zero blocks;
 * - counts headers and bounds sizes (security case S46).
 *
 * Chunks without non-ASCII PAX records pass as they are, uncopied.
 */
export class TarFraming {
  readonly #limits: UnpackLimits;
  readonly #header = Buffer.alloc(tarBlock);
  #headerBytes = 0;
  #bodyLeft = 0;
  #body: Body = "pass";
  #pax:
    | { readonly header: Buffer; readonly body: Buffer; filled: number; size: number }
    | undefined;
  #records: PaxRecords | undefined;
  #longName = false;
  #longLink = false;
  #zeroBlocks = 0;
  #ended = false;
  #entries = 0;
  #out: Buffer[] = [];

  constructor(limits: UnpackLimits) {
    this.#limits = limits;
  }

  /** Headers seen so far. */
  get entries(): number {
    return this.#entries;
  }

  /**
   * Takes the next bytes of the archive, gives those that tar-stream shall see.
   *
   * @throws TsmanError LAYER_INVALID, LAYER_LIMIT
   */
  push(chunk: Buffer): Buffer[] {
    this.#out = [];
    let start = 0;
    let at = 0;
    const pass = (end: number): void => {
      if (end > start) this.#out.push(chunk.subarray(start, end));
    };
    while (at < chunk.length) {
      if (this.#ended) {
        // The rest is padding, or what other readers ignore too: only the diffID covers it.
        pass(at);
        return this.#out;
      }
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= step;
        if (this.#body === "pax") this.#collect(chunk.subarray(at, at + step));
        at += step;
        if (this.#body !== "pass") start = at;
        continue;
      }
      if (this.#headerBytes === 0 && chunk.length - at >= tarBlock) {
        const header = chunk.subarray(at, at + tarBlock);
        this.#body = this.#readHeader(header);
        if (this.#body !== "pass") pass(at);
        at += tarBlock;
        if (this.#body !== "pass") start = at;
      } else {
        pass(at);
        const step = Math.min(tarBlock - this.#headerBytes, chunk.length - at);
        chunk.copy(this.#header, this.#headerBytes, at, at + step);
        this.#headerBytes += step;
        at += step;
        start = at;
        if (this.#headerBytes < tarBlock) continue;
        this.#headerBytes = 0;
        const header = Buffer.from(this.#header);
        this.#body = this.#readHeader(header);
        if (this.#body === "pass") this.#out.push(header);
      }
    }
    pass(at);
    return this.#out;
  }

  /**
   * Says that there are no more bytes.
   *
   * @throws TsmanError LAYER_INVALID when the archive is cut off
   */
  finish(): void {
    if (this.#headerBytes > 0 || this.#bodyLeft > 0) throw invalid("the archive is truncated");
    if (this.#zeroBlocks === 1 && !this.#ended) throw invalid("the archive's end mark is cut off");
    if (this.#records !== undefined || this.#longName || this.#longLink) {
      throw invalid("the archive ends after an extended header");
    }
  }

  #readHeader(header: Buffer): Body {
    if (isZeroBlock(header)) {
      this.#zeroBlocks += 1;
      this.#ended = this.#zeroBlocks === 2;
      return "pass";
    }
    if (this.#zeroBlocks > 0) throw invalid("the archive goes on after a zero block");
    this.#entries += 1;
    if (this.#entries > this.#limits.maxEntries) {
      throw limit("maxEntries", this.#limits.maxEntries, "more entries than the limit");
    }
    checkSum(header);
    const size = parseTarNumber(header, 124, 12);
    const flag = header[156] === 0 ? "0" : header.toString("latin1", 156, 157);
    switch (flag) {
      case "x":
        return this.#readPaxHeader(header, this.#extensionSize(size));
      case "g":
        this.#extensionSize(size);
        this.#expectBody(size ?? 0);
        return "drop";
      case "L":
        if (this.#longName) throw invalid("two long names for one entry");
        this.#longName = true;
        this.#expectBody(this.#extensionSize(size));
        return "pass";
      case "K":
        if (this.#longLink) throw invalid("two long link targets for one entry");
        this.#longLink = true;
        this.#expectBody(this.#extensionSize(size));
        return "pass";
      case "N":
        // An old GNU tar's list of long names; tar-stream takes it for one long name.
        throw this.#entryError(header, "has a type that layers cannot have");
      default:
        this.#readEntryHeader(header, flag, size);
        return "pass";
    }
  }

  #readPaxHeader(header: Buffer, size: number): Body {
    if (this.#records !== undefined) throw invalid("two PAX headers for one entry");
    const padded = paddedSize(size);
    this.#pax = { header: Buffer.from(header), body: Buffer.alloc(padded), filled: 0, size };
    this.#bodyLeft = padded;
    if (padded === 0) this.#collect(header.subarray(0, 0));
    return "pax";
  }

  #readEntryHeader(header: Buffer, flag: string, headerSize: number | undefined): void {
    const records = this.#records;
    if ((records?.has("path") && this.#longName) || (records?.has("linkpath") && this.#longLink)) {
      throw this.#entryError(header, "has both a PAX and a GNU long name");
    }
    const size = this.#entrySize(header, headerSize, records);
    this.#records = undefined;
    this.#longName = false;
    this.#longLink = false;
    // Directories may state a size (of the directory file); nobody has a body for them.
    if (flag === "5") return;
    if (size > 0 && flag >= "1" && flag <= "6") {
      throw this.#entryError(header, `has a body, which type ${flag} has not`);
    }
    this.#expectBody(size);
  }

  #entrySize(header: Buffer, size: number | undefined, records: PaxRecords | undefined): number {
    for (const key of records?.keys() ?? []) {
      if (key.startsWith("GNU.sparse.")) {
        throw this.#entryError(header, "is a sparse file of GNU tar, which is not supported");
      }
    }
    const paxText = records?.get("size");
    const paxSize = paxText === undefined ? undefined : parsePaxNumber("size", paxText);
    const valid = paxSize !== undefined && paxSize >= beyondOctal ? paxSize : size;
    if (valid === undefined) throw this.#entryError(header, "has an invalid size");
    if (paxSize !== undefined && paxSize !== valid) {
      throw this.#entryError(header, `has two sizes: ${valid} and, in its PAX header, ${paxSize}`);
    }
    if (valid > this.#limits.maxBytes) {
      const why = `entry ${nameOf(header)} has ${valid} bytes, more than the limit`;
      throw limit("maxBytes", this.#limits.maxBytes, why);
    }
    return valid;
  }

  #extensionSize(size: number | undefined): number {
    if (size === undefined) throw invalid("an extended header has an invalid size");
    const { maxExtensionBytes } = this.#limits;
    if (size > maxExtensionBytes) {
      const why = `an extended header has ${size} bytes, more than the limit`;
      throw limit("maxExtensionBytes", maxExtensionBytes, why);
    }
    return size;
  }

  #expectBody(size: number): void {
    this.#bodyLeft = paddedSize(size);
  }

  #collect(bytes: Buffer): void {
    const pax = this.#pax;
    if (pax === undefined) return;
    bytes.copy(pax.body, pax.filled);
    pax.filled += bytes.length;
    if (pax.filled < pax.body.length) return;
    this.#pax = undefined;
    const records = parsePaxRecords(pax.body.subarray(0, pax.size));
    this.#records = records;
    if (pax.body.every(isAscii)) {
      this.#out.push(pax.header, pax.body);
      return;
    }
    const body = encodeByteStrings(records);
    this.#out.push(
      withSize(pax.header, body.length),
      body,
      Buffer.alloc(paddedSize(body.length) - body.length),
    );
  }

  #entryError(header: Buffer, why: string): TsmanError {
    const path = this.#records?.get("path");
    return invalid(`entry ${path === undefined ? nameOf(header) : displayName(path)} ${why}`);
  }
}

function isAscii(byte: number): boolean {
  return byte < 0x80;
}

function checkSum(header: Buffer): void {
  const stated = parseTarNumber(header, 148, 8);
  const sum = headerSum(header);
  if (stated !== sum || sum === emptyHeaderSum) {
    throw invalid("a header's checksum is wrong: not a tar archive, or a damaged one");
  }
}

function withSize(header: Buffer, size: number): Buffer {
  const changed = Buffer.from(header);
  changed.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  changed.write(`${headerSum(changed).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return changed;
}

/** The name in the header block itself, for messages only. */
function nameOf(header: Buffer): string {
  const end = header.indexOf(0);
  return displayName(header.toString("latin1", 0, end === -1 || end > 100 ? 100 : end));
}

function invalid(why: string): TsmanError {
  return new TsmanError("LAYER_INVALID", why);
}

function limit(name: keyof UnpackLimits, value: number, why: string): TsmanError {
  return new TsmanError("LAYER_LIMIT", `${why} ${value}`, { details: { limit: name, value } });
}
