import { type BigIntStats, readlinkSync } from "node:fs";
import { fsPath } from "../worker/entry-name.ts";
import {
  findInLayers,
  hiddenByMark,
  isMark,
  isOpaque,
  isWhiteout,
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
  /** An overlay's upper directory, or all of the container's files (`complete`). */
  readonly own: string;
  readonly kind: "upper" | "marked-upper" | "complete";
  /** The image's layers, the topmost first. */
  readonly layers: MergedDirectory;
  /** Made by tsman for its mounts: left out where the image does not have them. */
  readonly stubs: ReadonlySet<string>;
}

/** Tells in what a container's files differ from its image's. */
export function tellChanges(request: ChangeRequest, sink: ChangeSink): void {
  new Comparison(request, sink).directory("", request.own, request.layers, () => undefined);
}

class Comparison {
  readonly #request: ChangeRequest;
  readonly #sink: ChangeSink;

  constructor(request: ChangeRequest, sink: ChangeSink) {
    this.#request = request;
    this.#sink = sink;
  }

  /**
   * @param announce tells of the directory itself, if that was not done yet; for the first change
   * in it
   */
  directory(name: string, own: string, below: MergedDirectory, announce: () => void): void {
    const isComplete = this.#request.kind === "complete";
    const names = new Set(listNames(own));
    const all = new Set(names);
    // What an upper directory does not have it shows from below, unless it is opaque.
    const isWhole = isComplete || (below.length > 0 && name !== "" && isOpaque(own));
    if (isWhole) for (const each of namesInLayers(below)) all.add(each);
    if (isWhole && !isComplete && namesInLayers(below).length > 0) {
      announce();
      this.#sink.emptied(name);
    }
    for (const each of [...all].sort((a, b) => (a < b ? -1 : 1))) {
      const childName = `${name}/${each}`;
      if (!names.has(each)) {
        announce();
        this.#sink.deleted(childName);
      } else this.#entry(childName, `${own}/${each}`, each, below, announce);
    }
  }

  #entry(
    name: string,
    path: string,
    base: string,
    below: MergedDirectory,
    announce: () => void,
  ): void {
    const { kind, stubs } = this.#request;
    if (kind === "marked-upper" && isMark(base)) {
      this.#deletedByMark(name, base, below, announce);
      return;
    }
    const status = findStatus(path);
    if (status === undefined) return;
    const lower = findInLayers(below, base);
    if (kind !== "complete" && isWhiteout(status)) {
      if (lower === undefined) return;
      announce();
      this.#sink.deleted(name);
      return;
    }
    const isStub = lower === undefined && stubs.has(name);
    const isDifferent =
      lower === undefined || (kind !== "complete" && !status.isDirectory())
        ? !isStub || isFilled(status)
        : differs(path, status, lower.path, lower.status, stubs.has(name));
    let isTold = false;
    const tell = (): void => {
      if (isTold) return;
      isTold = true;
      announce();
      this.#sink.changed(name, path, status, lower === undefined);
    };
    if (isDifferent) tell();
    if (status.isDirectory()) {
      const lowerDirectory = lower?.status.isDirectory() === true ? lower.below : [];
      this.directory(name, path, lowerDirectory, tell);
    }
  }

  #deletedByMark(name: string, base: string, below: MergedDirectory, announce: () => void): void {
    const hidden = hiddenByMark(base);
    if (hidden === undefined || findInLayers(below, hidden) === undefined) return;
    announce();
    this.#sink.deleted(`${name.slice(0, -base.length)}${hidden}`);
  }
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
