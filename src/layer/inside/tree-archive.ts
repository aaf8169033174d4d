import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../../oci/tar/header.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { lgetxattr, llistxattr } from "../../platform/libc/xattrs.ts";
import { type ContentLayout, formatLayout, layoutRecord } from "../worker/content-layout.ts";
import { displayName, fsPath } from "../worker/entry-name.ts";
import { isKeptXattr, trueOwnerXattr } from "../worker/xattr-policy.ts";
import { dataSegments } from "./data-segments.ts";
import { findPseudoFilesystem } from "./pseudo-filesystem.ts";
import type { TarOutput } from "./tar-output.ts";
import { originalOwner } from "./true-owner.ts";

const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const chunkSize = 1024 * 1024;

/** What was left out, or could not be told as it is. */
export interface ArchiveCounts {
  entries: number;
  /** Sockets: no archive can hold one. */
  sockets: number;
  /** Files that changed their type or size while they were read. */
  changed: number;
}

/** Where an archive goes. */
export type ArchiveSink = Pick<TarOutput, "write" | "flush">;

/** What {@link TreeArchive} takes. */
export interface TreeArchiveOptions {
  /** Only one id exists: everything belongs to it, and `user.tsman.owner` says the truth. */
  readonly isSingleId: boolean;
  /** Leave out what is a hole and say where (content-layout.ts): whoever reads it has to know. */
  readonly writesLayouts?: boolean | undefined;
}

/**
 * Writes files as an archive: entries in the order of their names' bytes, hard links as such, no
 * link followed, nothing opened that is not a regular file.
 *
 * Paths are byte strings.  They are looked up in a process that has changed its root, so that
 * whatever the container does to them meanwhile, they lead to files of the container.
 */
export class TreeArchive {
  readonly counts: ArchiveCounts = { entries: 0, sockets: 0, changed: 0 };
  readonly #output: ArchiveSink;
  readonly #options: TreeArchiveOptions;
  /** Names in the archive of files with several, by device and inode. */
  readonly #links = new Map<string, string>();
  readonly #chunk = Buffer.allocUnsafe(chunkSize);

  constructor(output: ArchiveSink, options: TreeArchiveOptions) {
    this.#output = output;
    this.#options = options;
  }

  /**
   * Adds a file or a whole directory.
   *
   * @param path where it is
   * @param name what it is called in the archive; "" for a directory whose contents are at the
   * archive's top
   * @param isDirectory what it was when it was looked at; a link was resolved then.
   * @throws TsmanError that names the file
   */
  add(path: string, name: string, isDirectory: boolean): void {
    const status = lstatSync(fsPath(path), { bigint: true });
    if (status.isSymbolicLink() || status.isDirectory() !== isDirectory) {
      throw new TsmanError("USAGE", `${displayName(path)} has become something else meanwhile`);
    }
    this.#addTree(path, name, status);
  }

  /** Adds one file without its content, or one directory alone. */
  addDirectory(path: string, name: string, status: BigIntStats): void {
    this.#write(this.#entryOf(path, `${name}/`, status, "directory"));
  }

  /** Adds what is no directory. */
  addFile(path: string, name: string, status: BigIntStats): void {
    try {
      this.#addLeaf(path, name, status);
    } catch (error) {
      if (isErrno(error, "ENOENT")) return;
      throw fileError(error, path);
    }
  }

  /** Adds an empty file that stands for something else: a whiteout. */
  addMark(name: string): void {
    const mtime = { sec: 0, nsec: 0 };
    this.#write({ name, type: "file", size: 0, mode: 0o644, uid: 0, gid: 0, mtime });
  }

  /** Ends the archive. */
  end(): void {
    this.#output.write(tarEnd);
    this.#output.flush();
  }

  #addTree(path: string, name: string, status: BigIntStats): void {
    if (!status.isDirectory()) {
      this.addFile(path, name, status);
      return;
    }
    let names: string[];
    try {
      this.addDirectory(path, name === "" ? "." : name, status);
      names = listNames(path);
    } catch (error) {
      // Gone, or something else by now: the container goes on working.
      if (isErrno(error, "ENOENT", "ENOTDIR")) return;
      throw fileError(error, path);
    }
    for (const each of names) {
      const child = `${path === "/" ? "" : path}/${each}`;
      const below = findStatus(child);
      if (below === undefined) continue;
      const childName = name === "" ? each : `${name}/${each}`;
      if (below.isDirectory() && below.dev !== status.dev && isPseudo(child)) {
        this.addDirectory(child, childName, below);
      } else this.#addTree(child, childName, below);
    }
  }

  #addLeaf(path: string, name: string, status: BigIntStats): void {
    if (status.isSocket()) {
      this.counts.sockets += 1;
      return;
    }
    const first = this.#firstName(name, status);
    if (first !== undefined) {
      const entry = this.#entryOf(path, name, status, "link");
      this.#write({ ...entry, target: first, xattrs: undefined });
      return;
    }
    if (status.isFile()) this.#addContent(path, name, status);
    else if (status.isSymbolicLink()) {
      const target = readlinkSync(fsPath(path), { encoding: "latin1" });
      this.#write({ ...this.#entryOf(path, name, status, "symlink"), target });
    } else if (status.isFIFO()) this.#write(this.#entryOf(path, name, status, "fifo"));
    else {
      const type = status.isBlockDevice() ? "block-device" : "character-device";
      const entry = this.#entryOf(path, name, status, type);
      // Of a layer's own directory: a whiteout, which says nothing but that something is gone.
      const mtime = status.rdev === 0n ? { sec: 0, nsec: 0 } : entry.mtime;
      this.#write({ ...entry, mtime, device: deviceOf(status.rdev) });
    }
  }

  #firstName(name: string, status: BigIntStats): string | undefined {
    if (status.nlink <= 1n) return undefined;
    const key = `${status.dev}:${status.ino}`;
    const first = this.#links.get(key);
    if (first === undefined) this.#links.set(key, name);
    return first;
  }

  #addContent(path: string, name: string, expected: BigIntStats): void {
    // A fifo or device that has taken its place in the meantime must not make us wait.
    const fd = openSync(fsPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      const status = fstatSync(fd, { bigint: true });
      if (!status.isFile() || status.ino !== expected.ino || status.dev !== expected.dev) {
        this.counts.changed += 1;
        return;
      }
      const size = Number(status.size);
      const entry = this.#entryOf(path, name, status, "file");
      // Blocks of 512 bytes: stat(2).
      if (this.#options.writesLayouts === true && Number(status.blocks) * 512 < size) {
        this.#addSegments(fd, entry, { size, segments: dataSegments(fd, size) });
        return;
      }
      this.#write({ ...entry, size });
      this.#copy(fd, 0, size);
      this.#output.write(Buffer.alloc(tarPadding(size)));
    } finally {
      closeSync(fd);
    }
  }

  #addSegments(fd: number, entry: TarEntry, layout: ContentLayout): void {
    const size = layout.segments.reduce((sum, { length }) => sum + length, 0);
    this.#write({ ...entry, size, records: [[layoutRecord, formatLayout(layout)]] });
    for (const { offset, length } of layout.segments) this.#copy(fd, offset, length);
    this.#output.write(Buffer.alloc(tarPadding(size)));
  }

  /** Exactly `size` bytes, whatever happens to the file: the header has promised them. */
  #copy(fd: number, offset: number, size: number): void {
    let left = size;
    let at = offset;
    while (left > 0) {
      const count = readSync(fd, this.#chunk, 0, Math.min(left, chunkSize), at);
      if (count === 0) break;
      at += count;
      this.#output.write(this.#chunk.subarray(0, count));
      left -= count;
    }
    if (left > 0) this.counts.changed += 1;
    this.#chunk.fill(0, 0, Math.min(left, chunkSize));
    for (; left > 0; left -= Math.min(left, chunkSize)) {
      this.#output.write(this.#chunk.subarray(0, Math.min(left, chunkSize)));
    }
  }

  #entryOf(path: string, name: string, status: BigIntStats, type: TarEntry["type"]): TarEntry {
    const xattrs = readXattrs(path);
    const own = {
      uid: Number(status.uid),
      gid: Number(status.gid),
      mode: Number(status.mode & 0o7777n),
    };
    const lost = xattrs?.get(trueOwnerXattr);
    xattrs?.delete(trueOwnerXattr);
    const owner = originalOwner(own, lost, this.#options.isSingleId);
    return {
      name,
      type,
      size: 0,
      ...owner,
      mtime: timeOf(status.mtimeNs),
      xattrs: xattrs?.size === 0 ? undefined : xattrs,
    };
  }

  #write(entry: TarEntry): void {
    this.counts.entries += 1;
    this.#output.write(tarHeader(entry));
  }
}

/** Names in a directory as byte strings, in the order of their bytes. */
export function listNames(path: string): string[] {
  // Latin-1 characters compare as their bytes do.
  return readdirSync(fsPath(path), { encoding: "latin1" }).sort((a, b) =>
    a < b ? -1 : a > b ? 1 : 0,
  );
}

/** The status of what is there itself; undefined when nothing is. */
export function findStatus(path: string): BigIntStats | undefined {
  try {
    return lstatSync(fsPath(path), { bigint: true });
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw fileError(error, path);
  }
}

function isPseudo(path: string): boolean {
  try {
    return findPseudoFilesystem(path) !== undefined;
  } catch {
    return false;
  }
}

function readXattrs(path: string): Map<string, Buffer> | undefined {
  const bytes = Buffer.from(path, "latin1");
  const names = llistxattr(bytes)
    .map((name) => Buffer.from(name, "latin1").toString())
    .filter((name) => isKeptXattr(name) || name === trueOwnerXattr)
    .sort();
  if (names.length === 0) return undefined;
  const found = new Map<string, Buffer>();
  for (const name of names) {
    const value = lgetxattr(bytes, name);
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

function timeOf(ns: bigint): TarEntry["mtime"] {
  const nsec = Number(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  return { sec: Number((ns - BigInt(nsec)) / 1_000_000_000n), nsec };
}

/** makedev(3) taken apart. */
function deviceOf(rdev: bigint): NonNullable<TarEntry["device"]> {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}

function fileError(error: unknown, path: string): unknown {
  if (error instanceof TsmanError || isErrno(error, "EPIPE")) return error;
  return toFileError(error, `read ${displayName(path)}`);
}
