import {
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import { isErrno } from "../../platform/errno.ts";
import { mknod } from "../../platform/libc/files.ts";
import { lsetxattr } from "../../platform/libc/xattrs.ts";
import { displayName, fsPath } from "./entry-name.ts";
import {
  type FileAttributes,
  type Losses,
  writeDirectoryAttributes,
  writeFifoAttributes,
  writeLinkAttributes,
} from "./file-attributes.ts";
import { opaqueXattr } from "./xattr-policy.ts";

/** A real directory of the layer; everything else is known to the kernel only. */
export interface LayerDirectory {
  /** Absolute from the layer's root: "" for the root, `/etc/ssl`. */
  readonly path: string;
  readonly parent: LayerDirectory | undefined;
  children: Map<string, LayerDirectory> | undefined;
  /** Undefined: implied by a name below it, not (yet) listed by the archive. */
  attributes: FileAttributes | undefined;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFCHR, S_IFIFO } = constants;
/** As many as the kernel follows: path_resolution(7). */
const maxLinks = 40;
/** Directories are closed to others while their content is not complete. */
const workingMode = 0o700;
const impliedAttributes: FileAttributes = {
  owner: { uid: 0, gid: 0, mode: 0o755, lost: undefined },
  mtime: { sec: 0, nsec: 0 },
  xattrs: undefined,
};

/**
 * The files of one layer while it is unpacked.
 *
 * The layer starts empty and nobody else writes into it, so this knows every directory; only
 * canonical paths, without a symbolic link in any parent, are handed to the kernel, which in the
 * worker is contained by chroot on top of it.  Names are byte strings.
 */
export class LayerTree {
  readonly #root: string;
  readonly #rootDirectory: LayerDirectory;
  #opaqueRoot = false;

  /** @param root what to put before each path: "" once the process is chrooted into the layer */
  constructor(root: string) {
    this.#root = root;
    this.#rootDirectory = newDirectory("", undefined);
  }

  /** Whether the layer hides everything below it. */
  get opaqueRoot(): boolean {
    return this.#opaqueRoot;
  }

  /** The layer's root directory. */
  get rootDirectory(): LayerDirectory {
    return this.#rootDirectory;
  }

  /** Where node:fs finds `name` of `directory`. */
  pathOf(directory: LayerDirectory, name: string): string {
    return `${this.#root}${directory.path}/${name}`;
  }

  /**
   * The directory with these components.  Missing ones are made; symbolic links of this layer are
   * followed within it.
   *
   * @throws TsmanError LAYER_INVALID when one is a file, or a link leads above the root
   */
  ensureDirectory(components: readonly string[]): LayerDirectory {
    let directory = this.#rootDirectory;
    for (let index = 0; index < components.length; index++) {
      const child = directory.children?.get(components[index] ?? "");
      if (child === undefined) {
        // With `create` the walk ends in a directory or an error.
        return this.#walk(directory, components.slice(index), true) ?? directory;
      }
      directory = child;
    }
    return directory;
  }

  /** Gives a directory its attributes, making it if it is not there; `finish` writes them. */
  putDirectory(parent: LayerDirectory, name: string, attributes: FileAttributes): void {
    const existing = parent.children?.get(name);
    const directory = existing ?? this.#makeDirectory(parent, name);
    directory.attributes = attributes;
  }

  /** Gives the layer's root its attributes; `finish` writes them. */
  putRoot(attributes: FileAttributes): void {
    this.#rootDirectory.attributes = attributes;
  }

  /** Makes an empty regular file in place of whatever has the name; the caller closes it. */
  openFile(parent: LayerDirectory, name: string, permissions: number): number {
    const path = fsPath(this.pathOf(parent, name));
    const open = (): number =>
      openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions);
    return this.#replacing(parent, name, open);
  }

  /** Makes a symbolic link in place of whatever has the name. */
  putSymlink(
    parent: LayerDirectory,
    name: string,
    target: string,
    attributes: FileAttributes,
    losses: Losses,
  ): void {
    const path = this.pathOf(parent, name);
    this.#replacing(parent, name, () => symlinkSync(fsPath(target), fsPath(path)));
    writeLinkAttributes(path, attributes, losses);
  }

  /** Makes a fifo in place of whatever has the name; nothing ever opens it (case S45). */
  putFifo(parent: LayerDirectory, name: string, attributes: FileAttributes, losses: Losses): void {
    const path = this.pathOf(parent, name);
    const permissions = attributes.owner.mode & 0o777;
    this.#replacing(parent, name, () => mknod(bytes(path), S_IFIFO | permissions));
    writeFifoAttributes(path, attributes, losses);
  }

  /**
   * Makes a further name for a file of this layer.  The target's last component is not followed,
   * as of linkat(2), so that a link to a symbolic link is one.  It has the target's attributes:
   * what the entry says of them is ignored (security case S42).
   *
   * @throws TsmanError LAYER_INVALID when the target is not a file of this layer
   */
  putHardLink(parent: LayerDirectory, name: string, target: readonly string[]): void {
    const targetPath = this.#findFile(target);
    const path = this.pathOf(parent, name);
    if (path === targetPath) return;
    this.#replacing(parent, name, () => linkSync(fsPath(targetPath), fsPath(path)));
  }

  /**
   * Hides `name` of lower layers: image-spec/layer.md, "Whiteouts".  What this layer itself has
   * under the name stays, in whichever order the archive lists the two: a file hides the lower one
   * anyway, a directory becomes opaque.
   */
  whiteout(parent: LayerDirectory, name: string): void {
    const directory = parent.children?.get(name);
    if (directory !== undefined) {
      this.makeOpaque(directory);
      return;
    }
    const path = this.pathOf(parent, name);
    try {
      mknod(bytes(path), S_IFCHR, 0n);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
  }

  /** Hides what lower layers have in a directory: image-spec/layer.md, "Opaque Whiteout". */
  makeOpaque(directory: LayerDirectory): void {
    if (directory === this.#rootDirectory) this.#opaqueRoot = true;
    lsetxattr(bytes(`${this.#root}${directory.path}/`), opaqueXattr, Buffer.from("y"));
  }

  /**
   * Writes the attributes of all directories, once nothing changes in them any more: a directory's
   * mtime is set after its content, and a read-only one could not have been filled.
   *
   * @returns paths of the directories that only names below them implied: 0755, root, 1970
   */
  finish(losses: Losses, within: (directory: LayerDirectory, work: () => void) => void): string[] {
    const implied: string[] = [];
    const visit = (directory: LayerDirectory): void => {
      for (const child of directory.children?.values() ?? []) visit(child);
      if (directory.attributes === undefined) implied.push(directory.path);
      within(directory, () =>
        writeDirectoryAttributes(
          `${this.#root}${directory.path}/`,
          directory.attributes ?? impliedAttributes,
          losses,
        ),
      );
    };
    visit(this.#rootDirectory);
    return implied;
  }

  #makeDirectory(parent: LayerDirectory, name: string): LayerDirectory {
    const path = fsPath(this.pathOf(parent, name));
    const directory = newDirectory(`${parent.path}/${name}`, parent);
    let replacesWhiteout = false;
    try {
      mkdirSync(path, workingMode);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
      replacesWhiteout = isWhiteout(lstatSync(path));
      unlinkSync(path);
      mkdirSync(path, workingMode);
    }
    parent.children ??= new Map();
    parent.children.set(name, directory);
    if (replacesWhiteout) this.makeOpaque(directory);
    return directory;
  }

  /** Runs `make`, which fails if the name is taken, after removing what has it. */
  #replacing<T>(parent: LayerDirectory, name: string, make: () => T): T {
    if (parent.children?.has(name) !== true) {
      try {
        return make();
      } catch (error) {
        if (!isErrno(error, "EEXIST")) throw error;
      }
    }
    const path = this.pathOf(parent, name);
    if (parent.children?.delete(name) === true) removeDirectory(path);
    else unlinkSync(fsPath(path));
    return make();
  }

  /** Path of an existing file that is no directory, for a hard link to it. */
  #findFile(components: readonly string[]): string {
    const name = components.at(-1);
    if (name === undefined) throw invalid("links to the root directory");
    const parent = this.#walk(this.#rootDirectory, components.slice(0, -1), false);
    if (parent?.children?.has(name) === true) throw invalid("links to a directory");
    const path = parent === undefined ? undefined : this.pathOf(parent, name);
    const status = path === undefined ? undefined : findStatus(path);
    if (path === undefined || status === undefined || isWhiteout(status)) {
      const target = displayName(components.join("/"));
      throw invalid(`link target ${target} is not a file of this layer`);
    }
    return path;
  }

  /** Undefined: it is not there and `create` is false. */
  #walk(
    start: LayerDirectory,
    components: readonly string[],
    create: boolean,
  ): LayerDirectory | undefined {
    let directory = start;
    let links = 0;
    const pending = components.toReversed();
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === "" || name === ".") continue;
      if (name === "..") {
        if (directory.parent === undefined) throw invalid("a link in its path escapes the rootfs");
        directory = directory.parent;
        continue;
      }
      const child = directory.children?.get(name);
      if (child !== undefined) {
        directory = child;
        continue;
      }
      const path = this.pathOf(directory, name);
      const status = findStatus(path);
      if (status?.isSymbolicLink() === true) {
        links += 1;
        if (links > maxLinks) throw invalid("too many links in its path");
        const target = readlinkSync(fsPath(path), "latin1");
        if (target.startsWith("/")) directory = this.#rootDirectory;
        pending.push(...target.split("/").toReversed());
      } else if (!create) {
        return undefined;
      } else if (status === undefined || isWhiteout(status)) {
        directory = this.#makeDirectory(directory, name);
      } else {
        throw invalid(`its parent ${displayName(`${directory.path}/${name}`)} is not a directory`);
      }
    }
    return directory;
  }
}

function newDirectory(path: string, parent: LayerDirectory | undefined): LayerDirectory {
  return { path, parent, children: undefined, attributes: undefined };
}

function findStatus(path: string): Stats | undefined {
  return lstatSync(fsPath(path), { throwIfNoEntry: false });
}

/** Only whiteouts are character devices here: device entries are never made (case S45). */
function isWhiteout(status: Stats): boolean {
  return status.isCharacterDevice();
}

/** node:fs's own recursive removal reads names as UTF-8. */
function removeDirectory(path: string): void {
  for (const name of readdirSync(fsPath(path), { encoding: "latin1" })) {
    const child = `${path}/${name}`;
    if (lstatSync(fsPath(child)).isDirectory()) removeDirectory(child);
    else unlinkSync(fsPath(child));
  }
  rmdirSync(fsPath(path));
}

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

function invalid(why: string): TsmanError {
  return new TsmanError("LAYER_INVALID", why);
}
