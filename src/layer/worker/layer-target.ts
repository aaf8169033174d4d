import { closeSync } from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import type { UnpackLimits } from "../limits.ts";
import type { EntryTarget, OpenFile, WithinEntry } from "./entry-extraction.ts";
import { parseEntryPath } from "./entry-path.ts";
import { type FileAttributes, type Losses, writeFileAttributes } from "./file-attributes.ts";
import type { LayerEntry } from "./layer-entry.ts";
import type { LayerDirectory, LayerTree } from "./layer-tree.ts";
import { checkLinkText } from "./link-text.ts";
import type { OwnerPolicy } from "./owner-policy.ts";
import { nameMeaning } from "./whiteout.ts";

/** What an unpack left out. */
export interface ExtractionCounts extends Losses {
  /** Device entries, which are never made (security case S45). */
  devices: number;
}

/** Turns the entries of a layer into its files. */
export class LayerTarget implements EntryTarget {
  readonly counts: ExtractionCounts = { devices: 0, droppedXattrs: 0, lostOwners: 0 };
  readonly #tree: LayerTree;
  readonly #owners: OwnerPolicy;
  readonly #limits: UnpackLimits;
  #implied: readonly string[] = [];

  constructor(tree: LayerTree, owners: OwnerPolicy, limits: UnpackLimits) {
    this.#tree = tree;
    this.#owners = owners;
    this.#limits = limits;
  }

  /** Directories that only names below them implied, as `LayerTree.finish` gives them. */
  get implied(): readonly string[] {
    return this.#implied;
  }

  put(entry: LayerEntry): OpenFile | undefined {
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

  complete(entry: LayerEntry, file: OpenFile): void {
    try {
      writeFileAttributes(file.fd, file.path, this.#attributesOf(entry), this.counts);
    } finally {
      closeSync(file.fd);
    }
  }

  finish(within: WithinEntry): void {
    this.#implied = this.#tree.finish(this.counts, (directory, work) =>
      within(directory.path === "" ? "/" : directory.path, work),
    );
  }

  #ownerOf({ uid, gid, mode, type }: LayerEntry): FileAttributes["owner"] {
    return this.#owners.written(uid, gid, mode, type === "directory");
  }

  #attributesOf(entry: LayerEntry): FileAttributes {
    this.counts.droppedXattrs += entry.droppedXattrs;
    return { owner: this.#ownerOf(entry), mtime: entry.mtime, xattrs: entry.xattrs };
  }
}
