import { closeSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import path from "node:path";
import { randomBytes } from "../platform/random.ts";

/**
 * Room for SQLite's log until it starts again from its beginning, and for its index: with it rows
 * can be deleted on a disk that is full to the last byte.
 */
const reserveBytes = 1024 * 1024;

/**
 * Sees to it that the store holds some space back, so that what frees space works on a full disk.
 * Where there is less room, it is less: a precaution is no reason to fail.
 */
export function ensureReserve(root: string): void {
  const file = reservePath(root);
  const missing = reserveBytes - sizeOf(file);
  if (missing <= 0) return;
  // Random, so that no file system can compress it.
  const bytes = randomBytes(missing);
  try {
    const fd = openSync(file, "a", 0o600);
    try {
      for (let written = 0; written < missing; ) written += writeSync(fd, bytes, written);
    } finally {
      closeSync(fd);
    }
  } catch {
    // The disk is full, or its file system is read-only.
  }
}

/** Gives the held-back space free; whether there was any. */
export function releaseReserve(root: string): boolean {
  const file = reservePath(root);
  if (sizeOf(file) === 0) return false;
  rmSync(file, { force: true });
  return true;
}

function reservePath(root: string): string {
  return path.join(root, "reserve");
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
