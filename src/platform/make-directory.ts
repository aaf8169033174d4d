import { mkdirSync, statSync } from "node:fs";
import path from "node:path";

/**
 * mkdir(2) for a directory and those above it, as `mkdir -p`.
 *
 * Not `mkdirSync` with `recursive`, which goes on for ever where a directory is there and takes no
 * others, as /proc.
 *
 * @param directory absolute.
 * @param mode of each that is made.
 * @returns the first that was made; undefined when the directory was there.
 * @throws Node's system errors
 */
export function makeDirectory(directory: string, mode = 0o700): string | undefined {
  let failure = make(directory, mode);
  if (failure === undefined) return directory;
  if (isDirectory(directory)) return undefined;
  const parent = path.dirname(directory);
  if (failure.code !== "ENOENT" || parent === directory) throw failure;
  const first = makeDirectory(parent, mode);
  failure = make(directory, mode);
  // Somebody else may have made it at this moment.
  if (failure !== undefined && !isDirectory(directory)) throw failure;
  return first ?? directory;
}

function make(directory: string, mode: number): NodeJS.ErrnoException | undefined {
  try {
    mkdirSync(directory, { mode });
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function isDirectory(name: string): boolean {
  try {
    return statSync(name).isDirectory();
  } catch {
    return false;
  }
}
