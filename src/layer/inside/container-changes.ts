import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from "node:fs";
import { fsPath } from "../worker/entry-name.ts";
import {
  findInLayers,
  hiddenByMark,
  isMark,
  isOpaque,
  isWhiteout,
  type LayerFile,
  type MergedDirectory,
  namesInLayers,
} from "./lower-layers.ts";
import { findStatus, listNames } from "./tree-archive.ts";

/** Who is told of the changes: from the top down, names in the order of their bytes. */
export interface ChangeSink {
  /**
   * Something is new or different.  A directory comes before what is in it, also when only that
   * has changed.
   *
   * @param name absolute, as the container has it
   * @param path where the worker finds it
   */
  changed(name: string, path: string, status: BigIntStats, isNew: boolean): void;
  /** The image's file is gone. */
  deleted(name: string): void;
  /** All that the image has in the directory is gone, unless it is told as changed. */
  emptied(name: string): void;
}

/** What {@link tellChanges} takes. */
export interface ChangeRequest {
  /**
   * An overlay's upper directory, or all files: of one directory (`complete`), or of layers, the
   * topmost first (`merged`).
   */
  readonly own: MergedDirectory;
  readonly kind: "upper" | "marked-upper" | "complete" | "merged";
  /** The image's layers, the topmost first. */
  readonly layers: MergedDirectory;
  /** Made by tsman for its mounts: left out where the image does not have them. */
  readonly stubs: ReadonlySet<string>;
  /** The other side is a container's too: its stubs are left out as well. */
  readonly hasLowerStubs: boolean;
}

/** Tells in what a container's files differ from its image's. */
export function tellChanges(request: ChangeRequest, sink: ChangeSink): void {
  new Comparison(request, sink).directory("", request.own, request.layers, () => undefined);
}

class Comparison {
  readonly #request: ChangeRequest;
  readonly #sink: ChangeSink;
  /** `own` has all files, not only those that differ. */
  readonly #isComplete: boolean;

  constructor(request: ChangeRequest, sink: ChangeSink) {
    this.#request = request;
    this.#sink = sink;
    this.#isComplete = request.kind === "complete" || request.kind === "merged";
  }

  /**
   * @param announce tells of the directory itself, if that was not done yet; for the first change
   * in it
   */
  directory(
    name: string,
    own: MergedDirectory,
    below: MergedDirectory,
    announce: () => void,
  ): void {
    if (isSame(own, below)) return;
    const [top = ""] = own;
    const isMerged = this.#request.kind === "merged";
    const names = new Set(isMerged ? namesInLayers(own) : listNames(top));
    const all = new Set(names);
    // What an upper directory does not have it shows from below, unless it is opaque.
    const isWhole = this.#isComplete || (below.length > 0 && name !== "" && isOpaque(top));
    if (isWhole) for (const each of namesInLayers(below)) all.add(each);
    if (isWhole && !this.#isComplete && namesInLayers(below).length > 0) {
      announce();
      this.#sink.emptied(name);
    }
    for (const each of [...all].sort((a, b) => (a < b ? -1 : 1))) {
      const childName = `${name}/${each}`;
      if (!names.has(each)) this.#missing(childName, each, below, announce);
      else this.#entry(childName, own, each, below, announce);
    }
  }

  #missing(name: string, base: string, below: MergedDirectory, announce: () => void): void {
    const { hasLowerStubs, stubs } = this.#request;
    if (hasLowerStubs && stubs.has(name)) {
      const lower = findInLayers(below, base);
      if (lower === undefined || !isFilled(lower.status)) return;
    }
    announce();
    this.#sink.deleted(name);
  }

  #entry(
    name: string,
    own: MergedDirectory,
    base: string,
    below: MergedDirectory,
    announce: () => void,
  ): void {
    const { kind, stubs } = this.#request;
    if (kind === "marked-upper" && isMark(base)) {
      this.#deletedByMark(name, base, below, announce);
      return;
    }
    const found = kind === "merged" ? findInLayers(own, base) : findAlone(own, base);
    if (found === undefined) return;
    const { path, status } = found;
    const lower = findInLayers(below, base);
    if (!this.#isComplete && isWhiteout(status)) {
      if (lower === undefined) return;
      announce();
      this.#sink.deleted(name);
      return;
    }
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      announce();
      this.#sink.changed(name, path, status, lower === undefined);
    };
    if (this.#isDifferent(found, lower, stubs.has(name))) tell();
    if (status.isDirectory()) {
      const lowerDirectory = lower?.status.isDirectory() === true ? lower.below : [];
      this.directory(name, found.below, lowerDirectory, tell);
    }
  }

  #isDifferent(
    { path, status }: LayerFile,
    lower: LayerFile | undefined,
    isStub: boolean,
  ): boolean {
    // What an upper directory has was written by somebody.
    if (lower === undefined || (!this.#isComplete && !status.isDirectory())) {
      return lower !== undefined || !isStub || isFilled(status);
    }
    if (lower.path === path) return false;
    // Both containers' mounts have left something there.
    const isMountPoint = isStub && this.#request.hasLowerStubs;
    if (isMountPoint && !isFilled(status) && !isFilled(lower.status)) return false;
    if (differs(path, status, lower.path, lower.status, isStub)) return true;
    // Builds that can be repeated give all files one time, whatever is in them.
    return this.#request.kind === "merged" && status.isFile() && contentDiffers(path, lower.path);
  }

  #deletedByMark(name: string, base: string, below: MergedDirectory, announce: () => void): void {
    const hidden = hiddenByMark(base);
    if (hidden === undefined || findInLayers(below, hidden) === undefined) return;
    announce();
    this.#sink.deleted(`${name.slice(0, -base.length)}${hidden}`);
  }
}

function isSame(a: MergedDirectory, b: MergedDirectory): boolean {
  return a.length === b.length && a.every((path, index) => path === b[index]);
}

/** In one directory, where nothing hides anything. */
function findAlone([directory = ""]: MergedDirectory, base: string): LayerFile | undefined {
  const path = `${directory}/${base}`;
  const status = findStatus(path);
  return status === undefined ? undefined : { path, status, below: [path] };
}

/** A file that tsman has made to mount something there is empty. */
function isFilled(status: BigIntStats): boolean {
  return !status.isDirectory() && status.size > 0n && !status.isSymbolicLink();
}

/** @param isStub something was mounted there, which leaves another time behind. */
function differs(
  a: string,
  own: BigIntStats,
  b: string,
  other: BigIntStats,
  isStub: boolean,
): boolean {
  if (own.mode !== other.mode || own.uid !== other.uid || own.gid !== other.gid) return true;
  if (own.isSymbolicLink())
    return readlinkSync(fsPath(a), bytes) !== readlinkSync(fsPath(b), bytes);
  // Sizes of directories mean nothing.
  if (own.mtimeNs !== other.mtimeNs && !(isStub && own.isDirectory())) return true;
  return !own.isDirectory() && own.size !== other.size;
}

const bytes = { encoding: "latin1" } as const;

/** Of two regular files of one size. */
function contentDiffers(a: string, b: string): boolean {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  const descriptors: number[] = [];
  try {
    for (const path of [a, b]) {
      descriptors.push(openSync(fsPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    }
    const [first = -1, second = -1] = descriptors;
    for (;;) {
      const [own, other] = [readChunk(first, 0), readChunk(second, 1)];
      if (!own.equals(other)) return true;
      if (own.length === 0) return false;
    }
  } finally {
    for (const fd of descriptors) closeSync(fd);
  }
}

const chunks = [0, 1].map(() => Buffer.allocUnsafe(256 * 1024));

function readChunk(fd: number, which: 0 | 1): Buffer {
  const chunk = chunks[which] as Buffer;
  let filled = 0;
  while (filled < chunk.length) {
    const count = readSync(fd, chunk, filled, chunk.length - filled, null);
    if (count === 0) break;
    filled += count;
  }
  return chunk.subarray(0, filled);
}
