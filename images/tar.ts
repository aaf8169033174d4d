import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";

/** A name or value: text is UTF-8, bytes are taken as they are. */
export type Bytes = string | Uint8Array;

/** A moment: whole seconds since 1970 and nanoseconds. */
export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds?: number;
}

/** pax(1), "ustar Interchange Format": values of typeflag. */
export const typeFlags = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  dir: "5",
  fifo: "6",
  pax: "x",
  paxGlobal: "g",
  gnuLongName: "L",
  gnuLongLink: "K",
} as const;

/** Fields of one 512 byte header. Numbers are written in octal, or raw when given as bytes. */
export interface HeaderFields {
  readonly name?: Bytes;
  readonly mode?: number | Uint8Array;
  readonly uid?: number | Uint8Array;
  readonly gid?: number | Uint8Array;
  readonly size?: number | Uint8Array;
  readonly mtime?: number | Uint8Array;
  readonly checksum?: number | Uint8Array;
  readonly typeflag?: string;
  readonly linkname?: Bytes;
  /** "ustar\0" "00" if missing; GNU tar writes "ustar " " \0". */
  readonly magic?: Bytes;
  readonly uname?: Bytes;
  readonly gname?: Bytes;
  readonly major?: number;
  readonly minor?: number;
  readonly prefix?: Bytes;
}

/** Magic and version as GNU tar writes them in its own format. */
export const gnuMagic = "ustar  \0";

const block = 512;

/** One ustar header block.  Values that do not fit are cut: hostile archives need just that. */
export function ustarHeader(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(block);
  const text = (value: Bytes | undefined, offset: number, length: number) => {
    if (value !== undefined) Buffer.from(value).copy(header, offset, 0, length);
  };
  const number = (value: number | Uint8Array | undefined, offset: number, length: number) => {
    if (value instanceof Uint8Array) {
      text(value, offset, length);
      return;
    }
    const digits = Math.trunc(value ?? 0).toString(8);
    text(`${digits.padStart(length - 1, "0")}\0`, offset, length);
  };
  text(fields.name, 0, 100);
  number(fields.mode ?? 0o644, 100, 8);
  number(fields.uid, 108, 8);
  number(fields.gid, 116, 8);
  number(fields.size, 124, 12);
  number(fields.mtime, 136, 12);
  text(fields.typeflag ?? typeFlags.file, 156, 1);
  text(fields.linkname, 157, 100);
  text(fields.magic ?? "ustar\x0000", 257, 8);
  text(fields.uname, 265, 32);
  text(fields.gname, 297, 32);
  number(fields.major, 329, 8);
  number(fields.minor, 337, 8);
  text(fields.prefix, 345, 155);
  header.fill(" ", 148, 156);
  if (fields.checksum instanceof Uint8Array) {
    text(fields.checksum, 148, 8);
  } else {
    const sum = fields.checksum ?? header.reduce((total, byte) => total + byte, 0);
    text(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8);
  }
  return header;
}

/** pax(1), "pax Extended Header": `LENGTH KEY=VALUE\n`, the length counting itself. */
export function paxRecord(key: string, value: Bytes): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from("\n")]);
  let length = rest.length;
  while (String(length).length + rest.length !== length) {
    length = String(length).length + rest.length;
  }
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** Zero bytes that fill up the last block of `size` bytes of content. */
export function padding(size: number): Buffer {
  return Buffer.alloc((block - (size % block)) % block);
}

/** The two zero blocks that end an archive. */
export function endOfArchive(): Buffer {
  return Buffer.alloc(2 * block);
}

/** Which way a name that does not fit the header, or is not ASCII, is written. */
export type NameStyle = "pax" | "gnu" | "header";

/** One archive member. */
export interface TarEntry {
  readonly type: "file" | "hardlink" | "symlink" | "char" | "block" | "dir" | "fifo";
  readonly path: Bytes;
  /** Content of a file: bytes, or a file of this host. */
  readonly content?: Bytes | { readonly hostFile: string };
  /** Target of a link. */
  readonly target?: Bytes;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: TarTime;
  readonly uname?: string;
  readonly gname?: string;
  readonly major?: number;
  readonly minor?: number;
  /** Written as SCHILY.xattr.* records, values binary. */
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  readonly nameStyle?: NameStyle;
}

/** Largest number that an 8 byte octal field holds. */
const largestId = 0o7777777;

/** Headers of an entry: PAX or GNU extensions as needed, then ustar. */
export function entryHeaders(entry: TarEntry, size: number): Buffer {
  const style = entry.nameStyle ?? "pax";
  const path = Buffer.from(entry.path);
  const target = entry.target === undefined ? undefined : Buffer.from(entry.target);
  const records: Buffer[] = [];
  const before: Buffer[] = [];
  const extend = (key: string, flag: string, value: Buffer) => {
    if (style === "gnu") before.push(extension(flag, Buffer.concat([value, Buffer.alloc(1)])));
    else records.push(paxRecord(key, value));
  };
  if (needsExtension(path, style)) extend("path", typeFlags.gnuLongName, path);
  if (target !== undefined && needsExtension(target, style)) {
    extend("linkpath", typeFlags.gnuLongLink, target);
  }
  const { seconds, nanoseconds = 0 } = entry.mtime;
  if (nanoseconds !== 0 || seconds < 0) {
    records.push(paxRecord("mtime", decimalTime(entry.mtime)));
  }
  if (entry.uid > largestId) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > largestId) records.push(paxRecord("gid", String(entry.gid)));
  for (const [name, value] of Object.entries(entry.xattrs ?? {})) {
    records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  }
  if (records.length > 0) before.push(extension(typeFlags.pax, Buffer.concat(records)));
  const header = ustarHeader({
    name: path,
    mode: entry.mode,
    uid: Math.min(entry.uid, largestId),
    gid: Math.min(entry.gid, largestId),
    size,
    mtime: Math.max(seconds, 0),
    typeflag: typeFlags[entry.type],
    ...(target === undefined ? {} : { linkname: target }),
    ...(style === "pax" ? {} : { magic: gnuMagic }),
    ...(entry.uname === undefined ? {} : { uname: entry.uname }),
    ...(entry.gname === undefined ? {} : { gname: entry.gname }),
    ...(entry.major === undefined ? {} : { major: entry.major }),
    ...(entry.minor === undefined ? {} : { minor: entry.minor }),
  });
  return Buffer.concat([...before, header]);
}

/** A header of type `flag` whose content extends the next header. */
export function extension(flag: string, content: Uint8Array, name?: string): Buffer {
  const header = ustarHeader({
    name: name ?? (flag === typeFlags.pax ? "PaxHeaders.0/entry" : "././@LongLink"),
    size: content.length,
    typeflag: flag,
    ...(flag === typeFlags.gnuLongName || flag === typeFlags.gnuLongLink
      ? { magic: gnuMagic }
      : {}),
  });
  return Buffer.concat([header, content, padding(content.length)]);
}

/** The bytes of an archive with these members; host files are streamed. */
export async function* writeTar(
  entries: Iterable<TarEntry> | AsyncIterable<TarEntry>,
): AsyncGenerator<Buffer> {
  for await (const entry of entries) {
    const { content } = entry;
    if (typeof content === "object" && "hostFile" in content) {
      const { size } = await stat(content.hostFile);
      yield entryHeaders(entry, size);
      if (size === 0) continue;
      // A file that grows meanwhile must not break the archive; one that shrinks is an error.
      let written = 0;
      for await (const chunk of createReadStream(content.hostFile, { end: size - 1 })) {
        written += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
      if (written !== size)
        throw new Error(`${content.hostFile}: the file shrank while being read`);
      yield padding(size);
    } else {
      const body = Buffer.from(content ?? "");
      yield Buffer.concat([entryHeaders(entry, body.length), body, padding(body.length)]);
    }
  }
  yield endOfArchive();
}

function needsExtension(value: Buffer, style: NameStyle): boolean {
  if (value.length > 100) return true;
  // Bytes above ASCII have no defined encoding in ustar: pax(1) wants a record, GNU tar writes
  // them as they are.
  return style === "pax" && value.some((byte) => byte >= 0x80);
}

function decimalTime({ seconds, nanoseconds = 0 }: TarTime): string {
  const fraction = String(nanoseconds).padStart(9, "0");
  if (seconds >= 0 || nanoseconds === 0) return `${seconds}.${fraction}`;
  return `-${Math.abs(seconds + 1)}.${String(1_000_000_000 - nanoseconds).padStart(9, "0")}`;
}
