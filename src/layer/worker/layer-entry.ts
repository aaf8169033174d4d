import type { Header } from "tar-stream";
import { TsmanError } from "../../errors/index.ts";
import { parsePaxNumber } from "../../oci/tar/pax-records.ts";
import { decodeUtf8, displayName } from "./entry-name.ts";
import { isKeptXattr, xattrRecordPrefix } from "./xattr-policy.ts";

/** The types of entries that a layer may hold; image-spec/layer.md, "File Types". */
export type EntryType = "file" | "directory" | "symlink" | "link" | "fifo" | "device";

/** A moment: whole seconds since 1970 (may be negative) and 0…999 999 999 nanoseconds. */
export interface EntryTime {
  readonly sec: number;
  readonly nsec: number;
}

/** One archive member, checked. Texts are byte strings. */
export interface LayerEntry {
  readonly name: string;
  readonly type: EntryType;
  /** Of links; "" for others. */
  readonly target: string;
  /** Bytes of a file's content. */
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly mtime: EntryTime;
  /** Those that are kept, by name as text; undefined: none. */
  readonly xattrs: ReadonlyMap<string, Buffer> | undefined;
  /** How many were not. */
  readonly droppedXattrs: number;
}

/** Records of the PAX header in front of an entry. */
type Pax = Readonly<Record<string, string>> | undefined;

/** By tar-stream's names; an unknown flag is null there. */
const types: ReadonlyMap<string | null, EntryType> = new Map([
  ["file", "file"],
  ["contiguous-file", "file"],
  ["directory", "directory"],
  ["symlink", "symlink"],
  ["link", "link"],
  ["fifo", "fifo"],
  ["character-device", "device"],
  ["block-device", "device"],
]);

/** (uid_t)-1 means "leave it" to chown(2), so it is no id; user_namespaces(7) cannot map it. */
const highestId = 0xffff_fffe;

/**
 * Checks what tar-stream read.
 *
 * @throws TsmanError LAYER_INVALID, not yet with the entry's name in front
 */
export function readLayerEntry(header: Header): LayerEntry {
  const pax = (header.pax ?? undefined) as Pax;
  const xattrs = readXattrs(pax);
  // tar-stream's types are narrower than what it gives for odd archives.
  const target: string | null = header.linkname;
  return {
    name: header.name,
    type: readType(header),
    target: target ?? "",
    size: header.size,
    uid: readId("uid", header.uid, pax),
    gid: readId("gid", header.gid, pax),
    mode: readMode(header.mode),
    mtime: readTime(header.mtime, pax),
    xattrs: xattrs?.kept,
    droppedXattrs: xattrs?.dropped ?? 0,
  };
}

function readType(header: Header): EntryType {
  const type = types.get(header.type);
  if (type === undefined) throw invalid("has a type that layers cannot have");
  if (type !== "file" || !header.name.endsWith("/")) return type;
  // Before POSIX.1-1988 a trailing slash was the only mark of a directory.
  if (header.size > 0) throw invalid("is a file with the name of a directory");
  return "directory";
}

function readId(key: "uid" | "gid", inHeader: number, pax: Pax): number {
  const text = pax?.[key];
  const id = text === undefined ? inHeader : parsePaxNumber(key, text);
  if (!Number.isSafeInteger(id) || id < 0 || id > highestId) {
    throw invalid(`has a ${key} that is out of range: ${id}`);
  }
  return id;
}

function readMode(mode: number): number {
  if (!Number.isSafeInteger(mode) || mode < 0) {
    throw invalid("has an invalid mode");
  }
  // Some tools put the file type into the upper bits (GNU tar masks them out, too).
  return mode & 0o7777;
}

/** What 34 bits of ext4's timestamps hold; a file system with less cuts by itself. */
const latestSecond = 2 ** 34 - 1;
const earliestSecond = -(2 ** 31);
const epoch: EntryTime = { sec: 0, nsec: 0 };

function readTime(inHeader: Date, pax: Pax): EntryTime {
  const text = pax?.mtime;
  const time =
    text === undefined ? { sec: Math.floor(inHeader.getTime() / 1000), nsec: 0 } : parseTime(text);
  const inRange = time.sec >= earliestSecond && time.sec <= latestSecond;
  return inRange ? time : epoch;
}

/** pax(1): decimal seconds with an optional fraction, e.g. `-1.5`, which is half a second after -2. */
function parseTime(text: string): EntryTime {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) throw invalid("has an mtime that is no number");
  const [, sign, whole = "", fraction = ""] = match;
  const sec = Number(whole);
  const nsec = Number(fraction.slice(0, 9).padEnd(9, "0"));
  if (sign !== "-") return { sec, nsec };
  return nsec === 0 ? { sec: 0 - sec, nsec } : { sec: -sec - 1, nsec: 1_000_000_000 - nsec };
}

function readXattrs(
  pax: Pax,
): { readonly kept: Map<string, Buffer> | undefined; readonly dropped: number } | undefined {
  if (pax === undefined) return undefined;
  let kept: Map<string, Buffer> | undefined;
  let dropped = 0;
  for (const [key, value] of Object.entries(pax)) {
    if (!key.startsWith(xattrRecordPrefix)) continue;
    const name = decodeUtf8(key.slice(xattrRecordPrefix.length));
    if (name !== undefined && isKeptXattr(name)) {
      kept ??= new Map();
      kept.set(name, Buffer.from(value, "latin1"));
    } else {
      dropped += 1;
    }
  }
  return { kept, dropped };
}

function invalid(why: string): TsmanError {
  return new TsmanError("LAYER_INVALID", why);
}

/** `error` with the entry's name in front, as every message of an unpack has it. */
export function withinEntry(error: TsmanError, name: string): TsmanError {
  return error.within(`entry ${displayName(name)}`);
}
