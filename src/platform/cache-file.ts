import { readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { writeFileAtomic } from "./atomic-file.ts";
import { makeDirectory } from "./make-directory.ts";

/**
 * A file of the user's cache; undefined when there is none, or one that others could have written:
 * what is cached is executed or trusted in some other way.
 */
export function readCacheFile(file: string): Buffer | undefined {
  try {
    const stat = statSync(file);
    const isOurs = stat.uid === process.getuid?.() && (stat.mode & 0o022) === 0;
    return isOurs ? readFileSync(file) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Writes a file of the user's cache, and its directory.  A convenience: what cannot be written costs
 * time, and is no reason to fail.
 */
export function writeCacheFile(file: string, bytes: Uint8Array): void {
  try {
    makeDirectory(path.dirname(file));
    writeFileAtomic(file, bytes);
  } catch {
    // No space, no rights, or no directory.
  }
}
