import { headerSum, paddedSize, tarBlock } from "./block.ts";
import { encodePaxRecords } from "./pax-writer.ts";

/** One member of an archive that is written; texts are byte strings (layer/worker/entry-name.ts). */
export interface TarEntry {
  /** Of a directory: with a trailing slash. */
  readonly name: string;
  readonly type: TarEntryType;
  /** Bytes of content that follow the header; 0 unless it is a file. */
  readonly size: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: { readonly sec: number; readonly nsec: number };
  /** Of links. */
  readonly target?: string | undefined;
  readonly device?: { readonly major: number; readonly minor: number } | undefined;
  /** By name as text. */
  readonly xattrs?: ReadonlyMap<string, Buffer> | undefined;
  /** More PAX records, of our own. */
  readonly records?: readonly (readonly [key: string, value: string])[] | undefined;
}

export type TarEntryType =
  | "file"
  | "link"
  | "symlink"
  | "character-device"
  | "block-device"
  | "directory"
  | "fifo";

/** pax(1), "ustar Interchange Format": typeflag. */
const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

const longestName = 100;
/** What octal fields of seven and eleven digits hold. */
const maxOctal7 = 8 ** 7 - 1;
const maxOctal11 = 8 ** 11 - 1;
const ascii = /^[\x20-\x7e]*$/;

/**
 * The header blocks of an entry: ustar, preceded by a PAX header for whatever does not fit there –
 * long names and such with bytes above 127, large numbers, fractions of seconds, extended
 * attributes.  The same entry always gives the same bytes.
 */
export function tarHeader(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const header = ustarHeader(entry, typeFlags[entry.type]);
  if (records.length === 0) return header;
  const body = encodePaxRecords(records);
  const padded = Buffer.alloc(paddedSize(body.length));
  body.copy(padded);
  const base = entry.name.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const about = {
    ...entry,
    name: `PaxHeaders.0/${base}`,
    target: undefined,
    size: body.length,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: { sec: 0, nsec: 0 },
  };
  return Buffer.concat([ustarHeader(about, "x"), padded, header]);
}

/** Zeros that fill up the last block of a content of `size` bytes. */
export function tarPadding(size: number): number {
  return paddedSize(size) - size;
}

/** What ends an archive. */
export const tarEnd: Buffer = Buffer.alloc(2 * tarBlock);

function paxRecords(entry: TarEntry): [string, string | Buffer][] {
  const records: [string, string | Buffer][] = [];
  const target = entry.target ?? "";
  const { sec, nsec } = entry.mtime;
  if (needsPax(entry.name)) records.push(["path", entry.name]);
  if (needsPax(target)) records.push(["linkpath", target]);
  if (entry.size > maxOctal11) records.push(["size", String(entry.size)]);
  if (entry.uid > maxOctal7) records.push(["uid", String(entry.uid)]);
  if (entry.gid > maxOctal7) records.push(["gid", String(entry.gid)]);
  if (nsec !== 0 || sec < 0 || sec > maxOctal11) records.push(["mtime", paxTime(sec, nsec)]);
  for (const [name, value] of entry.xattrs ?? []) {
    records.push([`SCHILY.xattr.${Buffer.from(name).toString("latin1")}`, value]);
  }
  for (const [key, value] of entry.records ?? []) records.push([key, value]);
  return records;
}

function needsPax(name: string): boolean {
  return name.length > longestName || !ascii.test(name);
}

/** pax(1): decimal seconds; half a second after -2 is `-1.5`. */
function paxTime(sec: number, nsec: number): string {
  const isNegative = sec < 0;
  const [whole, rest] = isNegative && nsec > 0 ? [-sec - 1, 1_000_000_000 - nsec] : [sec, nsec];
  const sign = isNegative && nsec > 0 ? "-" : "";
  const fraction = String(rest).padStart(9, "0").replace(/0+$/, "");
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function ustarHeader(entry: TarEntry, flag: string): Buffer {
  const header = Buffer.alloc(tarBlock);
  const { sec } = entry.mtime;
  header.write(entry.name.slice(0, longestName), 0, "latin1");
  octal(header, 100, 8, entry.mode);
  octal(header, 108, 8, entry.uid > maxOctal7 ? 0 : entry.uid);
  octal(header, 116, 8, entry.gid > maxOctal7 ? 0 : entry.gid);
  octal(header, 124, 12, entry.size > maxOctal11 ? 0 : entry.size);
  octal(header, 136, 12, sec < 0 || sec > maxOctal11 ? 0 : sec);
  header.write(flag, 156, "latin1");
  header.write((entry.target ?? "").slice(0, longestName), 157, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  octal(header, 329, 8, entry.device?.major ?? 0);
  octal(header, 337, 8, entry.device?.minor ?? 0);
  header.write(`${headerSum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

function octal(header: Buffer, offset: number, width: number, value: number): void {
  header.write(`${value.toString(8).padStart(width - 1, "0")}\0`, offset, "latin1");
}
