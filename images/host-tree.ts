import type { Stats } from "node:fs";
import { access, constants, lstat, readdir, readlink } from "node:fs/promises";
import { dir, hostFile, symlink } from "./recipe.ts";
import type { TarEntry } from "./tar.ts";

/** Bytes of file content that may still be added. */
export interface Budget {
  left: number;
}

/** The building host's files below a directory, in an order that is always the same. */
export async function* hostTree(
  directory: string,
  budget: Budget,
  isWanted: (path: string) => boolean = () => true,
): AsyncGenerator<TarEntry> {
  yield dir(directory.slice(1), ownership(await lstat(directory)));
  // Sorted by bytes, not by locale or by the order of the file system.
  for (const name of (await readdir(directory)).sort()) {
    if (budget.left <= 0) return;
    const path = `${directory}/${name}`;
    const status = await lstat(path);
    // An ordinary user may build this too: what it may not read is left out.
    if (!status.isSymbolicLink() && !(await isReadable(path))) continue;
    if (status.isDirectory()) {
      yield* hostTree(path, budget, isWanted);
    } else if (!isWanted(path)) {
      // Another layer's.
    } else if (status.isSymbolicLink()) {
      yield symlink(path.slice(1), await readlink(path), ownership(status));
    } else if (status.isFile() && status.size <= budget.left) {
      budget.left -= status.size;
      yield hostFile(path.slice(1), path, ownership(status));
    }
  }
}

async function isReadable(path: string): Promise<boolean> {
  return await access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function ownership(status: Stats) {
  const seconds = Math.floor(status.mtimeMs / 1000);
  return { mode: status.mode & 0o7777, uid: status.uid, gid: status.gid, mtime: { seconds } };
}
