import type { Stats } from "node:fs";
import { access, constants, lstat, readdir, readlink } from "node:fs/promises";
import { busyboxConfig, busyboxLayer } from "../busybox.ts";
import { dir, hostFile, type Recipe, symlink } from "../recipe.ts";
import type { TarEntry } from "../tar.ts";

/** Bytes of file content: about what an image with a compiler or an interpreter has. */
const limit = 268_000_000;

/** Sizes and kinds of files should be those of a real system: so they are one's. */
const sources = ["/usr/bin", "/usr/share", "/usr/lib"];

/** Each source may use its part of the limit, lest the first one fills it alone. */
async function* entries(): AsyncGenerator<TarEntry> {
  yield dir("usr");
  for (const source of sources) {
    const budget = { left: Math.floor(limit / sources.length) };
    yield* walk(source, budget);
  }
}

async function* walk(directory: string, budget: { left: number }): AsyncGenerator<TarEntry> {
  yield dir(directory.slice(1), ownership(await lstat(directory)));
  // Sorted by bytes, not by locale or by the order of the file system.
  for (const name of (await readdir(directory)).sort()) {
    if (budget.left <= 0) return;
    const path = `${directory}/${name}`;
    const status = await lstat(path);
    // An ordinary user may build this too: what it may not read is left out.
    if (!status.isSymbolicLink() && !(await isReadable(path))) continue;
    if (status.isDirectory()) {
      yield* walk(path, budget);
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

export default {
  about: "the size and shape of a distribution's image, from the /usr of the building host",
  built: "for the benchmark",
  images: [{ layers: [busyboxLayer(), { entries }], config: { ...busyboxConfig, Cmd: ["true"] } }],
} satisfies Recipe;
