import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { isErrno } from "./errno.ts";

/** A file with what makes it itself, as long as it is open. */
export interface OpenFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
}

/** How often a file is looked for that exists and has none of the names. */
const mostLooks = 1000;

/**
 * The files of a rotated one (`FILE` → `FILE.1` → `FILE.2` …), which move on to the next name while they
 * are looked for, several at once where the writer is fast.  So no list of names is trusted: who
 * follows whom is asked of a file that did not move meanwhile.
 */
export class RotatedFiles {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** undefined when there are none. */
  async newest(): Promise<OpenFile | undefined> {
    const first = await this.#open(0);
    if (first !== undefined) return first;
    // For the moment between two names there are older ones only.
    let found = await this.oldest();
    for (let next = found; next !== undefined; next = await this.younger(next)) {
      if (next !== found) await found?.handle.close();
      found = next;
    }
    return found;
  }

  /** undefined when there are none. */
  async oldest(): Promise<OpenFile | undefined> {
    for (;;) {
      const highest = await this.#highest();
      if (highest === undefined) return undefined;
      const found = await this.#open(highest);
      if (found === undefined) continue;
      // The listing may have missed an older one that moved meanwhile.  As long as this one keeps its
      // name, the next older one has the next name, or has moved on from there by one.
      const isOldest =
        (await this.#inode(highest + 1)) === undefined &&
        (await this.#inode(highest + 2)) === undefined &&
        (await this.#inode(highest)) === found.inode;
      if (isOldest) return found;
      await found.handle.close();
    }
  }

  /**
   * The next younger one than a file that is open; the oldest that is left if that was deleted;
   * undefined if it is the newest.
   */
  async younger(than: OpenFile): Promise<OpenFile | undefined> {
    for (;;) {
      const at = await this.#placeOf(than);
      if (at === undefined) return await this.oldest();
      if (at === 0) return undefined;
      const found = await this.#open(at - 1);
      // While this one keeps its name, the younger ones are not moved past it.
      if ((await this.#inode(at)) === than.inode) {
        if (found !== undefined || at === 1) return found;
      }
      await found?.handle.close();
    }
  }

  /** The number of a file's name; undefined if it has none any more. */
  async #placeOf({ handle, inode }: OpenFile): Promise<number | undefined> {
    // It may be moved on past us, time and again, but not for ever.
    for (let look = 0; look < mostLooks; look += 1) {
      const highest = (await this.#highest()) ?? -1;
      for (let n = 0; n <= highest + 1; n += 1) if ((await this.#inode(n)) === inode) return n;
      if ((await handle.stat()).nlink === 0) return undefined;
    }
    return undefined;
  }

  async #highest(): Promise<number | undefined> {
    const base = path.basename(this.#file);
    const names = await readdir(path.dirname(this.#file)).catch(() => []);
    const numbers = names.flatMap((name) => {
      if (name === base) return [0];
      const [, digits] = /^\.([1-9]\d{0,8})$/.exec(name.slice(base.length)) ?? [];
      return digits !== undefined && name.startsWith(base) ? [Number(digits)] : [];
    });
    return numbers.length === 0 ? undefined : Math.max(...numbers);
  }

  async #open(n: number): Promise<OpenFile | undefined> {
    const handle = await open(this.#name(n)).catch(() => undefined);
    if (handle === undefined) return undefined;
    const { ino } = await handle.stat({ bigint: true });
    return { handle, inode: ino };
  }

  async #inode(n: number): Promise<bigint | undefined> {
    try {
      return (await stat(this.#name(n), { bigint: true })).ino;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  #name(n: number): string {
    return n === 0 ? this.#file : `${this.#file}.${n}`;
  }
}

/** All files of a rotated one that exist, opened, the oldest first. */
export async function openRotated(file: string): Promise<OpenFile[]> {
  const rotated = new RotatedFiles(file);
  const files: OpenFile[] = [];
  for (let next = await rotated.oldest(); next !== undefined; next = await rotated.younger(next)) {
    files.push(next);
  }
  return files;
}
