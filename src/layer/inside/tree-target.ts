import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  mkdirSync,
  openSync,
  rmdirSync,
  type Stats,
  statSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { mknod } from "../../platform/libc/files.ts";
import { mountIdOf } from "../../platform/libc/mounts.ts";
import { futimens, utimensat } from "../../platform/libc/times.ts";
import { fsetxattr } from "../../platform/libc/xattrs.ts";
import type { EntryTarget, OpenFile, WithinEntry } from "../worker/entry-extraction.ts";
import { displayName, fsPath } from "../worker/entry-name.ts";
import { parseEntryPath } from "../worker/entry-path.ts";
import type { LayerEntry } from "../worker/layer-entry.ts";
import { checkLinkText } from "../worker/link-text.ts";
import { findPseudoFilesystem } from "./pseudo-filesystem.ts";
import { findStatus, listNames } from "./tree-archive.ts";

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } =
  constants;
const maxDepth = 4096;

/** Owner and mode that an entry's file gets. */
export interface CopiedOwner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** What {@link TreeTarget} takes. */
export interface TreeTargetOptions {
  /** Absolute path of the directory that entries are relative to, or of the one file. */
  readonly place: string;
  /** The archive is one file, whatever it is called there. */
  readonly isSingleFile: boolean;
  /** A directory may replace something else and the other way round. */
  readonly overwrite: boolean;
  /** "ours" leaves files to whoever makes them, without any power that a mode can give. */
  readonly ownerOf: ((entry: LayerEntry) => CopiedOwner) | "ours";
}

/** What was left out. */
export interface TreeTargetCounts {
  entries: number;
  devices: number;
  droppedXattrs: number;
  lostOwners: number;
}

interface MadeDirectory {
  readonly path: string;
  readonly ino: number;
  readonly dev: number;
  readonly entry: LayerEntry;
}

/**
 * Turns the entries of an archive into files among those that are there.
 *
 * Paths are looked up in a process that has changed its root, so that whatever the container does to
 * them meanwhile they stay inside.  What has been made is changed by descriptor only; directories
 * that were there before stay as they are, symbolic links among them are followed.  Links that the
 * archive itself has made are not: it must not reach what is beside the directory it is for, whether
 * somebody wrote it so or a container exchanged files while it was made (CVE-2025-45582).
 */
export class TreeTarget implements EntryTarget {
  readonly counts: TreeTargetCounts = { entries: 0, devices: 0, droppedXattrs: 0, lostOwners: 0 };
  readonly #options: TreeTargetOptions;
  readonly #made: MadeDirectory[] = [];
  readonly #known = new Set<string>();
  /** Device and inode of each symbolic link that was made: there may be several paths to one. */
  readonly #links = new Set<string>();

  constructor(options: TreeTargetOptions) {
    this.#options = options;
  }

  put(entry: LayerEntry): OpenFile | undefined {
    this.counts.entries += 1;
    this.counts.droppedXattrs += entry.droppedXattrs;
    const path = this.#pathOf(entry);
    switch (entry.type) {
      case "directory":
        this.#putDirectory(path, entry);
        return undefined;
      case "file":
        return this.#openFile(path);
      case "symlink":
        checkLinkText(entry.target);
        this.#replacing(path, () => symlinkSync(fsPath(entry.target), fsPath(path)));
        this.#noteLink(path);
        this.#finishSpecial(path, entry);
        return undefined;
      case "link":
        this.#putHardLink(path, entry);
        return undefined;
      case "fifo": {
        const permissions = entry.mode & 0o777;
        this.#replacing(path, () =>
          mknod(Buffer.from(path, "latin1"), constants.S_IFIFO | permissions),
        );
        this.#finishSpecial(path, entry);
        return undefined;
      }
      case "device":
        this.counts.devices += 1;
        return undefined;
    }
  }

  complete(entry: LayerEntry, { fd }: OpenFile): void {
    try {
      this.#writeAttributes(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  finish(within: WithinEntry): void {
    // From within outwards: filling a directory changes its time.
    for (const directory of this.#made.toReversed()) {
      within(directory.entry.name, () => this.#finishDirectory(directory));
    }
  }

  #pathOf(entry: LayerEntry): string {
    const components = parseEntryPath(entry.name, "name", maxDepth);
    const { place, isSingleFile } = this.#options;
    if (isSingleFile || components.length === 0) return place;
    this.#ensureParents(components.slice(0, -1));
    return this.#below(components);
  }

  #below(components: readonly string[]): string {
    const { place } = this.#options;
    return [place === "/" ? "" : place, ...components].join("/");
  }

  #ensureParents(components: readonly string[]): void {
    for (let depth = 1; depth <= components.length; depth += 1) {
      const path = this.#below(components.slice(0, depth));
      if (this.#known.has(path)) continue;
      this.#ensureDirectory(path);
      this.#known.add(path);
    }
  }

  /** Whether it had to be made. */
  #ensureDirectory(path: string): boolean {
    const own = findStatus(path);
    const isOwnLink = own?.isSymbolicLink() === true && this.#links.has(identityOf(own));
    if (!isOwnLink && followedStatus(path)?.isDirectory() === true) {
      assertNotPseudo(path);
      return false;
    }
    if (own !== undefined) {
      if (!this.#options.overwrite) throw inTheWay(path, "directory");
      removeFile(path);
    }
    mkdirSync(fsPath(path), 0o755);
    return true;
  }

  #putDirectory(path: string, entry: LayerEntry): void {
    const isNew = this.#ensureDirectory(path);
    this.#known.add(path);
    if (!isNew) return;
    const status = findStatus(path);
    if (status === undefined) return;
    this.#made.push({ path, ino: Number(status.ino), dev: Number(status.dev), entry });
  }

  #finishDirectory({ path, ino, dev, entry }: MadeDirectory): void {
    const fd = openSync(fsPath(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      const status = fstatSync(fd);
      // Something else stands there by now, which is the container's business.
      if (status.ino === ino && status.dev === dev) this.#writeAttributes(fd, entry);
    } finally {
      closeSync(fd);
    }
  }

  #openFile(path: string): OpenFile {
    const make = (): number =>
      openSync(fsPath(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      return { fd: this.#replacing(path, make), path };
    } catch (error) {
      // As on /etc/hosts: it can be written, not replaced.
      const isMounted = error instanceof MountPoint && error.path === path;
      if (!isMounted || findStatus(path)?.isDirectory() === true) throw error;
      return { fd: openMounted(path), path };
    }
  }

  #putHardLink(path: string, entry: LayerEntry): void {
    const components = parseEntryPath(entry.target, "link target", maxDepth);
    const target = this.#below(components);
    this.#ensureParents(components.slice(0, -1));
    if (path === target) return;
    const link = (): void => linkSync(fsPath(target), fsPath(path));
    this.#replacing(path, link);
  }

  /** Runs `make`, which fails if the name is taken, after removing what has it. */
  #replacing<T>(path: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    const existing = findStatus(path);
    if (existing?.isDirectory() === true) {
      if (!this.#options.overwrite) throw inTheWay(path, "other");
      removeDirectory(path);
    } else if (existing !== undefined) removeFile(path);
    // It may have been a directory, or a link to one.
    this.#known.clear();
    return make();
  }

  #noteLink(path: string): void {
    const status = findStatus(path);
    if (status !== undefined) this.#links.add(identityOf(status));
  }

  #writeAttributes(fd: number, entry: LayerEntry): void {
    const { ownerOf } = this.#options;
    if (ownerOf === "ours") fchmodSync(fd, entry.mode & 0o777);
    else {
      const { uid, gid, mode } = ownerOf(entry);
      fchownSync(fd, uid, gid);
      // chown(2) clears setuid, setgid and capabilities.
      fchmodSync(fd, mode);
    }
    for (const [name, value] of entry.xattrs ?? []) {
      if (ownerOf === "ours" && !name.startsWith("user.")) this.counts.droppedXattrs += 1;
      else this.#writeXattr(fd, name, value);
    }
    futimens(fd, entry.mtime, entry.mtime);
  }

  #writeXattr(fd: number, name: string, value: Buffer): void {
    try {
      fsetxattr(fd, name, value);
    } catch (error) {
      const refused = ["ENOTSUP", "EOPNOTSUPP", "EPERM", "EINVAL", "E2BIG", "ERANGE", "ENOSPC"];
      if (!isErrno(error, ...refused)) throw error;
      this.counts.droppedXattrs += 1;
    }
  }

  /** A symbolic link or fifo, which nobody opens. */
  #finishSpecial(path: string, entry: LayerEntry): void {
    const { ownerOf } = this.#options;
    this.counts.droppedXattrs += entry.xattrs?.size ?? 0;
    if (ownerOf !== "ours") {
      const { uid, gid } = ownerOf(entry);
      lchownSync(fsPath(path), uid, gid);
    }
    utimensat(Buffer.from(path, "latin1"), entry.mtime, entry.mtime);
  }
}

function openMounted(path: string): number {
  const fd = openSync(fsPath(path), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) {
      throw new TsmanError("USAGE", `${displayName(path)} is mounted there and is no file`);
    }
    ftruncateSync(fd, 0);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function identityOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

function followedStatus(path: string): Stats | undefined {
  try {
    return statSync(fsPath(path));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

/** Refuses a directory of the kernel's own file systems. */
export function assertNotPseudo(path: string): void {
  const type = findPseudoFilesystem(path);
  if (type === undefined) return;
  throw new TsmanError("USAGE", `${displayName(path)} is a ${type} file system of the kernel`, {
    hint: "its files are read and written inside: tsman exec CONTAINER cat FILE",
  });
}

function inTheWay(path: string, wanted: "directory" | "other"): TsmanError {
  const why =
    wanted === "directory"
      ? "exists and is no directory, but a directory is to be copied there"
      : "exists and is a directory, but something else is to be copied there";
  return new TsmanError("USAGE", `${displayName(path)} ${why}`, {
    hint: "remove it first, or let it be replaced: --overwrite",
  });
}

/**
 * Something is mounted there.  From another mount namespace the kernel would remove the name all the
 * same and take the mount away with it (`detach_mounts` in fs/namespace.c).
 */
class MountPoint extends TsmanError {
  readonly path: string;

  constructor(path: string) {
    super("USAGE", `${displayName(path)} is a mount point and cannot be replaced`, {
      hint: "copy to another place",
    });
    this.path = path;
  }
}

function assertNotMounted(path: string): void {
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  const [own, around] = [path, `${parent}/.`].map((each) => mountIdOf(Buffer.from(each, "latin1")));
  if (own !== around) throw new MountPoint(path);
}

/** Removes a file or link, not what is mounted there. */
export function removeFile(path: string): void {
  assertNotMounted(path);
  unlinkSync(fsPath(path));
}

/** node:fs's own recursive removal reads names as UTF-8. */
function removeDirectory(path: string): void {
  assertNotMounted(path);
  for (const name of listNames(path)) {
    const child = `${path}/${name}`;
    if (findStatus(child)?.isDirectory() === true) removeDirectory(child);
    else removeFile(child);
  }
  rmdirSync(fsPath(path));
}
