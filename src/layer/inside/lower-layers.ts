import type { BigIntStats } from "node:fs";
import { isErrno } from "../../platform/errno.ts";
import { lgetxattr } from "../../platform/libc/xattrs.ts";
import { findStatus, listNames } from "./tree-archive.ts";

/** A directory as several layers together have it: paths as byte strings, the topmost first. */
export type MergedDirectory = readonly string[];

/** A file of a merged directory. */
export interface LayerFile {
  /** Where the worker finds it. */
  readonly path: string;
  readonly status: BigIntStats;
  /** Of a directory: what it is merged of. */
  readonly below: MergedDirectory;
}

/**
 * What is called `name` in a merged directory, and the directories that it is merged of if it is
 * one; overlayfs.rst, "Merging": the first layer that has the name decides, a whiteout hides it, a
 * directory is merged with those below it down to the first that is opaque or none.
 */
export function findInLayers(directory: MergedDirectory, name: string): LayerFile | undefined {
  const below: string[] = [];
  let top: { readonly path: string; readonly status: BigIntStats } | undefined;
  for (const layer of directory) {
    const path = `${layer}/${name}`;
    const status = findStatus(path);
    if (status === undefined) {
      if (isHiddenByMark(layer, name)) break;
      continue;
    }
    if (isWhiteout(status)) break;
    if (top !== undefined && !status.isDirectory()) break;
    top ??= { path, status };
    if (!status.isDirectory()) break;
    below.push(path);
    if (isOpaque(path)) break;
  }
  return top === undefined ? undefined : { ...top, below };
}

/** All names of a merged directory, sorted by their bytes. */
export function namesInLayers(directory: MergedDirectory): string[] {
  const names = new Set<string>();
  for (const layer of directory) for (const name of namesOf(layer)) names.add(name);
  return [...names]
    .filter((name) => findInLayers(directory, name) !== undefined)
    .sort((a, b) => (a < b ? -1 : 1));
}

/** overlayfs.rst, "whiteouts and opaque directories": a character device 0:0. */
export function isWhiteout(status: BigIntStats): boolean {
  return status.isCharacterDevice() && status.rdev === 0n;
}

/** Marks of fuse-overlayfs where it may make no devices and set no attributes. */
const markPrefix = ".wh.";
const opaqueMark = ".wh..wh..opq";

/** The name that a mark of fuse-overlayfs hides; undefined for other names. */
export function hiddenByMark(name: string): string | undefined {
  return name.startsWith(markPrefix) && name !== opaqueMark
    ? name.slice(markPrefix.length)
    : undefined;
}

/** Whether a name is no file of the container's but a mark of fuse-overlayfs. */
export function isMark(name: string): boolean {
  return name.startsWith(markPrefix);
}

function isHiddenByMark(layer: string, name: string): boolean {
  return findStatus(`${layer}/${markPrefix}${name}`) !== undefined;
}

const opaqueAttributes = [
  "user.overlay.opaque",
  "user.fuseoverlayfs.opaque",
  "trusted.overlay.opaque",
];

/** Whether a directory of a layer hides what is below it. */
export function isOpaque(path: string): boolean {
  const bytes = Buffer.from(path, "latin1");
  const isMarked = opaqueAttributes.some((name) => lgetxattr(bytes, name)?.toString() === "y");
  return isMarked || findStatus(`${path}/${opaqueMark}`) !== undefined;
}

function namesOf(directory: string): string[] {
  try {
    return listNames(directory).filter((name) => !isMark(name));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
