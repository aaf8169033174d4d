import { closeSync, writeSync } from "node:fs";
import { type Extract, type ExtractEvents, extract, type Header } from "tar-stream";
import { TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import type { UnpackLimits } from "../limits.ts";
import { displayName } from "./entry-name.ts";
import { parseEntryPath } from "./entry-path.ts";
import { type FileAttributes, type Losses, writeFileAttributes } from "./file-attributes.ts";
import { type LayerEntry, readLayerEntry, withinEntry } from "./layer-entry.ts";
import type { LayerDirectory, LayerTree } from "./layer-tree.ts";
import type { OwnerPolicy } from "./owner-policy.ts";
import { nameMeaning } from "./whiteout.ts";

/** The body of an entry; tar-stream's stream class has more. */
type EntryBody = ExtractEvents["entry"][1];

/** Names become byte strings (entry-name.ts); TarFraming does the same for PAX records. */
const extractOptions = {
  highWaterMark: 1,
  filenameEncoding: "latin1",
  allowUnknownFormat: true,
};

/** A file that is being written. */
interface OpenFile {
  readonly fd: number;
  readonly path: string;
}

/** What an unpack left out. */
export interface ExtractionCounts extends Losses {
  /** Device entries, which are never made (security case S45). */
  devices: number;
}

/**
 * Turns an uncompressed archive into files, with tar-stream as the reader.
 *
 * Everything is done synchronously, entry by entry, in the order of the archive: the system calls
 * are short, and a promise for each would cost more than they do.
 */
export class EntryExtraction {
  readonly counts: ExtractionCounts = { devices: 0, droppedXattrs: 0, lostOwners: 0 };
  readonly #tree: LayerTree;
  readonly #owners: OwnerPolicy;
  readonly #limits: UnpackLimits;
  readonly #extract: Extract;
  #failure: Error | undefined;
  /** Of the entry whose body is being read. */
  #open: Header | undefined;
  #wake: (() => void) | undefined;

  constructor(tree: LayerTree, owners: OwnerPolicy, limits: UnpackLimits) {
    this.#tree = tree;
    this.#owners = owners;
    this.#limits = limits;
    this.#extract = extract(extractOptions);
    this.#extract.on("entry", (header, body, next) => this.#onEntry(header, body, next));
    this.#extract.on("error", (error: Error) => this.#fail(error));
    this.#extract.on("drain", () => this.#wakeUp());
    this.#extract.on("close", () => this.#wakeUp());
  }

  /**
   * Takes the next bytes of the archive; settles when they are consumed.
   *
   * @throws TsmanError that names the entry
   */
  async write(bytes: Buffer): Promise<void> {
    this.#check();
    if (!this.#extract.write(bytes)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#check();
  }

  /**
   * What ended the archive, told of the entry in whose body that happened.
   *
   * @param error of the framing, which does not know names.
   */
  withinOpenEntry(error: unknown): unknown {
    if (this.#open === undefined) return error;
    return withinEntry(toEntryError(error), this.#open.name);
  }

  /**
   * Says that the archive is complete and writes what had to wait for that.
   *
   * @returns the implied directories, as `LayerTree.finish` does
   * @throws TsmanError that names the entry
   */
  async end(): Promise<string[]> {
    this.#check();
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#extract.end(undefined);
    });
    this.#check();
    return this.#tree.finish(this.counts, (directory, work) => {
      try {
        work();
      } catch (error) {
        throw withinEntry(toEntryError(error), directory.path === "" ? "/" : directory.path);
      }
    });
  }

  #onEntry(header: Header, body: EntryBody, next: () => void): void {
    try {
      const entry = readLayerEntry(header);
      const file = this.#put(entry);
      // tar-stream waits for the end of a body even if nobody wants it, but not if it is empty.
      if (entry.size === 0 || entry.type === "directory") {
        this.#close(entry, file);
        // Not at once: tar-stream would go on inside this call, one level deeper for each entry.
        queueMicrotask(next);
        return;
      }
      this.#open = header;
      body.on("error", () => undefined);
      body.on("end", () => {
        this.#open = undefined;
      });
      body.on("end", () => this.#guard(header, () => this.#close(entry, file), next));
      if (file === undefined) body.resume();
      else
        body.on("data", (chunk) => this.#guard(header, () => writeAll(file.fd, chunk as Buffer)));
    } catch (error) {
      this.#failEntry(header, error);
    }
  }

  /** Makes what the entry stands for; a file stays open for its content. */
  #put(entry: LayerEntry): OpenFile | undefined {
    const path = parseEntryPath(entry.name, "name", this.#limits.maxDepth);
    const meaning = nameMeaning(path);
    if (meaning.kind === "metadata") return undefined;
    const name = path.at(-1);
    if (name === undefined) {
      this.#putRoot(entry);
      return undefined;
    }
    const parent = this.#tree.ensureDirectory(path.slice(0, -1));
    if (meaning.kind === "plain") return this.#putPlain(entry, parent, name);
    // AUFS made its whiteouts as hard links to one empty file.
    if (entry.type !== "file" && entry.type !== "link") {
      throw new TsmanError("LAYER_INVALID", "is a whiteout that is no file");
    }
    if (meaning.kind === "opaque") this.#tree.makeOpaque(parent);
    else this.#tree.whiteout(parent, meaning.name);
    return undefined;
  }

  #putRoot(entry: LayerEntry): void {
    if (entry.type !== "directory") {
      throw new TsmanError("LAYER_INVALID", "replaces the root directory");
    }
    this.#tree.putRoot(this.#attributesOf(entry));
  }

  #putPlain(entry: LayerEntry, parent: LayerDirectory, name: string): OpenFile | undefined {
    switch (entry.type) {
      case "file": {
        const { mode } = this.#ownerOf(entry);
        const fd = this.#tree.openFile(parent, name, mode & 0o777);
        return { fd, path: this.#tree.pathOf(parent, name) };
      }
      case "directory":
        this.#tree.putDirectory(parent, name, this.#attributesOf(entry));
        return undefined;
      case "symlink": {
        checkLinkText(entry.target);
        const attributes = this.#attributesOf(entry);
        this.#tree.putSymlink(parent, name, entry.target, attributes, this.counts);
        return undefined;
      }
      case "link": {
        const target = parseEntryPath(entry.target, "link target", this.#limits.maxDepth);
        this.#tree.putHardLink(parent, name, target);
        return undefined;
      }
      case "fifo":
        this.#tree.putFifo(parent, name, this.#attributesOf(entry), this.counts);
        return undefined;
      case "device":
        this.counts.devices += 1;
        return undefined;
    }
  }

  #close(entry: LayerEntry, file: OpenFile | undefined): void {
    if (file === undefined) return;
    try {
      writeFileAttributes(file.fd, file.path, this.#attributesOf(entry), this.counts);
    } finally {
      closeSync(file.fd);
    }
  }

  #ownerOf({ uid, gid, mode, type }: LayerEntry): FileAttributes["owner"] {
    return this.#owners.written(uid, gid, mode, type === "directory");
  }

  #attributesOf(entry: LayerEntry): FileAttributes {
    this.counts.droppedXattrs += entry.droppedXattrs;
    return { owner: this.#ownerOf(entry), mtime: entry.mtime, xattrs: entry.xattrs };
  }

  #guard(header: Header, work: () => void, next?: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      work();
    } catch (error) {
      this.#failEntry(header, error);
      return;
    }
    next?.();
  }

  #failEntry(header: Header, error: unknown): void {
    this.#fail(withinEntry(toEntryError(error), header.name));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#extract.destroy(null);
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #check(): void {
    const failure = this.#failure;
    if (failure === undefined) return;
    if (failure instanceof TsmanError) throw failure;
    throw new TsmanError("LAYER_INVALID", `read the archive: ${failure.message}`, {
      cause: failure,
    });
  }
}

function writeAll(fd: number, chunk: Buffer): void {
  let written = 0;
  while (written < chunk.length) written += writeSync(fd, chunk, written);
}

/** A symbolic link's text is the container's business, wherever it points; it must be possible. */
function checkLinkText(target: string): void {
  if (target === "") throw new TsmanError("LAYER_INVALID", "link target is empty");
  if (target.includes("\0")) throw new TsmanError("LAYER_INVALID", "link target holds a NUL byte");
  if (target.length > 4095) {
    throw new TsmanError("LAYER_INVALID", "link target is longer than 4095 bytes");
  }
}

/** What an entry ran into: errors of the archive as such, errors of this host with their remedy. */
function toEntryError(error: unknown): TsmanError {
  if (error instanceof TsmanError) return error;
  if (!isErrno(error)) return toFileError(error, "unpack it");
  const operation = error.syscall ?? "unpack it";
  if (!isErrno(error, "ENAMETOOLONG", "ELOOP", "ENOENT", "ENOTDIR", "EISDIR", "EMLINK")) {
    return toFileError(error, operation);
  }
  return new TsmanError("LAYER_INVALID", `${operation}: ${displayName(error.code)}`, {
    cause: error,
  });
}
