import {
  closeSync,
  existsSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  write,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { TsmanError } from "../errors/index.ts";
import { syncDirectory, writeFileAtomic } from "../platform/atomic-file.ts";
import { isErrno, toGivenFileError } from "../platform/errno.ts";
import { type FileLock, lockFile } from "../platform/file-lock.ts";
import { randomHex } from "../platform/random.ts";
import type { ImageOutput } from "./image-output.ts";

const sync = promisify(fsync);
const writeTo = promisify(write);

/** What {@link DirectoryOutput.open} takes besides the path. */
export interface DirectoryOutputOptions {
  /** As messages name it. */
  readonly name: string;
  /** A file by which a directory is recognized as one to add to. */
  readonly mark: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Files in a directory.  A new one is built beside and gets its name at the end; one that is there
 * is added to, each file complete under its name, and what was added goes again without a commit.
 */
export class DirectoryOutput implements ImageOutput {
  readonly name: string;
  readonly #target: string;
  /** Where it is built; the target itself if that is there. */
  readonly #directory: string;
  readonly #added = new Set<string>();
  #isCommitted = false;

  /** Of a directory that is added to: one after the other.  On its mark. */
  #lock: FileLock | undefined;

  private constructor(target: string, name: string, directory: string) {
    this.name = name;
    this.#target = target;
    this.#directory = directory;
  }

  /**
   * Opens a directory; one that another command adds to is waited for.
   *
   * @throws TsmanError USAGE when there is something else at the target
   */
  static async open(
    target: string,
    { name, mark, signal }: DirectoryOutputOptions,
  ): Promise<DirectoryOutput> {
    const resolved = path.resolve(target);
    const isEmpty = isFree(resolved, name);
    if (isEmpty && canBeReplaced(resolved)) {
      const output = new DirectoryOutput(resolved, name, `${resolved}.${randomHex(6)}.tmp`);
      output.#make(output.#directory);
      return output;
    }
    const output = new DirectoryOutput(resolved, name, resolved);
    if (isEmpty) return output;
    if (!existsSync(path.join(resolved, mark))) {
      throw new TsmanError("USAGE", `write ${name}: the directory is not empty, and no image`, {
        hint: "name one that is empty, or not there yet",
      });
    }
    output.#lock = await lockFile(path.join(resolved, mark), { signal });
    return output;
  }

  /** Whether the directory was there, with files of others. */
  get isShared(): boolean {
    return this.#directory === this.#target;
  }

  size(file: string): number | undefined {
    try {
      const stat = statSync(this.#pathOf(file));
      return stat.isFile() ? stat.size : undefined;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
      throw toGivenFileError(error, `write ${this.name}`, "write");
    }
  }

  async write(file: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#writeFile(bytes, () => file, size);
  }

  async writeUnsized(
    bytes: AsyncIterable<Uint8Array>,
    nameOf: () => string | undefined,
  ): Promise<void> {
    await this.#writeFile(bytes, nameOf);
  }

  async put(file: string, bytes: Uint8Array): Promise<void> {
    // With another in its place nobody would wait for us any more.
    if (this.#pathOf(file) === this.#lock?.path) return;
    const isNew = this.size(file) === undefined;
    this.#make(path.dirname(this.#pathOf(file)));
    try {
      writeFileAtomic(this.#pathOf(file), bytes, { mode: 0o644, sync: true });
    } catch (error) {
      throw toGivenFileError(error, `write ${this.name}: ${file}`, "write");
    }
    if (isNew) this.#added.add(file);
  }

  async commit(file: string, bytes: Uint8Array): Promise<void> {
    await this.put(file, bytes);
    // In a directory that was there that was all: what it names must stay.
    this.#isCommitted = this.isShared;
    try {
      if (!this.isShared) renameSync(this.#directory, this.#target);
      syncDirectory(path.dirname(this.#target));
    } catch (error) {
      throw toGivenFileError(error, `write ${this.name}`, "write");
    }
    this.#isCommitted = true;
  }

  /** Removes files of this directory itself that a predicate does not want any more. */
  prune(isUnwanted: (file: string) => boolean): void {
    for (const file of readdirSync(this.#target)) {
      if (isUnwanted(file)) rmSync(path.join(this.#target, file), { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _lock = { [Symbol.dispose]: () => this.#lock?.release() };
    if (this.#isCommitted) return;
    this.#isCommitted = true;
    if (!this.isShared) rmSync(this.#directory, { recursive: true, force: true });
    else for (const file of this.#added) rmSync(this.#pathOf(file), { force: true });
  }

  async #writeFile(
    bytes: AsyncIterable<Uint8Array>,
    nameOf: () => string | undefined,
    expected?: number,
  ): Promise<void> {
    const temporary = path.join(this.#directory, `${randomHex(6)}.tmp`);
    let fd: number | undefined;
    try {
      fd = openSync(temporary, "wx", 0o644);
      let size = 0;
      for await (const chunk of bytes) {
        for (let from = 0; from < chunk.length; ) {
          from += (await writeTo(fd, chunk, from)).bytesWritten;
        }
        size += chunk.length;
      }
      const file = nameOf();
      if (expected !== undefined && size !== expected) throw wrongSize(this.name, expected, size);
      if (file === undefined || this.size(file) !== undefined) return;
      await sync(fd);
      this.#make(path.dirname(this.#pathOf(file)));
      renameSync(temporary, this.#pathOf(file));
      this.#added.add(file);
    } catch (error) {
      throw isErrno(error) ? toGivenFileError(error, `write ${this.name}`, "write") : error;
    } finally {
      if (fd !== undefined) closeSync(fd);
      rmSync(temporary, { force: true });
    }
  }

  #make(directory: string): void {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
    } catch (error) {
      throw toGivenFileError(error, `write ${this.name}`, "write");
    }
  }

  #pathOf(file: string): string {
    return path.join(this.#directory, file);
  }
}

/** Whether there is nothing at this path, or an empty directory. */
function isFree(target: string, name: string): boolean {
  try {
    return readdirSync(target).length === 0;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return true;
    throw toGivenFileError(error, `write ${name}`, "write");
  }
}

/** Whether another directory can take the place of this one, if it is there: not of a mount. */
function canBeReplaced(target: string): boolean {
  const parent = statSync(path.dirname(target), { throwIfNoEntry: false });
  const own = statSync(target, { throwIfNoEntry: false });
  return own === undefined || own.dev === parent?.dev;
}

/** A writer was given other bytes than it was told of. */
export function wrongSize(name: string, expected: number, actual: number): TsmanError {
  return new TsmanError("SIZE_MISMATCH", `write ${name}: ${actual} bytes instead of ${expected}`);
}
