import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  createReadStream,
  existsSync,
  fsync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { TsmanError } from "../errors/index.ts";
import { type Digest, digestFromHex, digestHex, sha256Digest } from "../oci/digest.ts";
import { readSmallFile, syncDirectory, writeFileAtomic } from "../platform/atomic-file.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import { type FileLock, type LockOptions, lockFile } from "../platform/file-lock.ts";
import { randomHex } from "../platform/random.ts";

const chunkBytes = 1024 * 1024;
const blobName = /^[0-9a-f]{64}$/;

/** What has arrived so far of a blob. */
export interface PartialBlob {
  /** Where to write it; missing so far if `size` is 0. */
  readonly path: string;
  /** Bytes that are there: where a Range request goes on. */
  readonly size: number;
}

/**
 * The bytes that registries hand out, each under its digest.  Under its final name a blob is
 * complete, was verified and is on the disk: partial file → verify → fsync → rename.
 */
export class BlobDirectory {
  readonly #directory: string;
  readonly #partials: string;
  readonly #locks: string;

  /** @param root the store; `blobs/sha256`, `blobs/partial` and `locks` in it exist. */
  constructor(root: string) {
    this.#directory = path.join(root, "blobs/sha256");
    this.#partials = path.join(root, "blobs/partial");
    this.#locks = path.join(root, "locks");
  }

  /** Where a kill is cleaned up after; a name of its own, since two commands may store the same. */
  #temporary(hex: string): string {
    return path.join(this.#partials, `${hex}.${randomHex(6)}.tmp`);
  }

  /** Final path of a blob, whether it is there or not. */
  path(digest: Digest): string {
    return path.join(this.#directory, digestHex(digest));
  }

  has(digest: Digest): boolean {
    return existsSync(this.path(digest));
  }

  /** What an interrupted download has left. Hold {@link lock} from here to {@link commit}. */
  partial(digest: Digest): PartialBlob {
    const file = path.join(this.#partials, digestHex(digest));
    try {
      return { path: file, size: statSync(file).size };
    } catch (error) {
      if (isErrno(error, "ENOENT")) return { path: file, size: 0 };
      throw toFileError(error, `read partial blob ${digest}`);
    }
  }

  /**
   * Gives the partial file its final name.
   *
   * @param fd the partial file, open for writing, complete and verified by the caller; stays open.
   */
  async commit(digest: Digest, fd: number): Promise<void> {
    try {
      await promisify(fsync)(fd);
      renameSync(this.partial(digest).path, this.path(digest));
      syncDirectory(this.#directory);
    } catch (error) {
      throw toFileError(error, `store blob ${digest}`);
    }
  }

  /** Throws away what an interrupted download has left. */
  discardPartial(digest: Digest): void {
    rmSync(path.join(this.#partials, digestHex(digest)), { force: true });
  }

  /**
   * Stores bytes that are in memory already.
   *
   * @throws TsmanError DIGEST_MISMATCH, DISK_FULL
   */
  put(digest: Digest, bytes: Uint8Array): void {
    assertDigest(digest, sha256Digest(bytes), "store blob");
    if (this.has(digest)) return;
    try {
      const temporary = this.#temporary(digestHex(digest));
      writeFileAtomic(this.path(digest), bytes, { sync: true, temporary });
    } catch (error) {
      throw toFileError(error, `store blob ${digest}`);
    }
  }

  /**
   * Stores a copy of a file, verified on its way.
   *
   * @throws TsmanError DIGEST_MISMATCH, DISK_FULL
   */
  importFile(digest: Digest, source: string): void {
    if (this.has(digest)) return;
    const temporary = this.#temporary(digestHex(digest));
    try {
      assertDigest(digest, copyAndHash(source, temporary), `import ${source} as blob`);
      renameSync(temporary, this.path(digest));
      syncDirectory(this.#directory);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw toFileError(error, `import ${source} as blob ${digest}`);
    }
  }

  /**
   * Stores bytes that are made here, under the digest that they turn out to have.
   *
   * @throws TsmanError DISK_FULL; or whatever `source` throws, with nothing left behind
   */
  async write(
    source: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const temporary = this.#temporary(randomHex(32));
    const hash = createHash("sha256");
    let size = 0;
    const file = openTemporary(temporary);
    try {
      for await (const chunk of source) {
        hash.update(chunk);
        for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
        size += chunk.length;
      }
      await promisify(fsync)(file);
      const digest = digestFromHex(hash.digest("hex"));
      renameSync(temporary, this.path(digest));
      syncDirectory(this.#directory);
      return { digest, size };
    } catch (error) {
      rmSync(temporary, { force: true });
      throw isErrno(error) ? toFileError(error, "store a blob") : error;
    } finally {
      closeSync(file);
    }
  }

  /**
   * A file for bytes that pass through, of which nothing remains when it is closed.
   *
   * @returns its descriptor, for reading and writing
   * @throws TsmanError DISK_FULL
   */
  openSpool(): number {
    const temporary = this.#temporary(randomHex(32));
    try {
      const fd = openSync(temporary, "wx+", 0o600);
      rmSync(temporary);
      return fd;
    } catch (error) {
      throw toFileError(error, "make a temporary file in the store");
    }
  }

  /**
   * Reads a blob of at most `maxBytes` and verifies it: what lies in the store may have been
   * changed since (security case S64).
   *
   * @throws TsmanError DIGEST_MISMATCH, DOCUMENT_INVALID when it is too large; Node's ENOENT.
   */
  readVerified(digest: Digest, maxBytes: number): Buffer {
    const bytes = readSmallFile(this.path(digest), maxBytes);
    assertDigest(digest, sha256Digest(bytes), "read blob");
    return bytes;
  }

  /**
   * Whether a blob's bytes still are those of its digest: what lies in the store may have been
   * changed since (security case S64).
   */
  async isIntact(digest: Digest): Promise<boolean> {
    const hash = createHash("sha256");
    const file = createReadStream(this.path(digest), { highWaterMark: chunkBytes });
    try {
      for await (const chunk of file) hash.update(chunk as Buffer);
    } catch (error) {
      if (isErrno(error, "ENOENT", "EIO")) return false;
      throw toFileError(error, `read blob ${digest}`);
    }
    return digestFromHex(hash.digest("hex")) === digest;
  }

  /** The bytes of a blob that is there, not verified. */
  async *read(digest: Digest): AsyncGenerator<Uint8Array> {
    try {
      yield* createReadStream(this.path(digest), { highWaterMark: chunkBytes });
    } catch (error) {
      throw toFileError(error, `read blob ${digest}`);
    }
  }

  /** Forgets a blob; whether it was there. */
  remove(digest: Digest): boolean {
    const existed = this.has(digest);
    rmSync(this.path(digest), { force: true });
    return existed;
  }

  /** All blobs that are complete. */
  list(): Digest[] {
    return readdirSync(this.#directory)
      .filter((name) => blobName.test(name))
      .map(digestFromHex);
  }

  /** Waits until no other command fetches this blob; {@link lockFile}. */
  async lock(digest: Digest, options: Omit<LockOptions, "shared"> = {}): Promise<FileLock> {
    return await lockFile(this.lockPath(digest), options);
  }

  /** The file behind {@link lock}. */
  lockPath(digest: Digest): string {
    return path.join(this.#locks, `blob-${digestHex(digest)}`);
  }
}

function openTemporary(file: string): number {
  try {
    return openSync(file, "wx", 0o600);
  } catch (error) {
    throw toFileError(error, "store a blob");
  }
}

function assertDigest(expected: Digest, actual: Digest, what: string): void {
  if (actual === expected) return;
  throw new TsmanError("DIGEST_MISMATCH", `${what} ${expected}: its bytes have digest ${actual}`, {
    hint: "pull the image again",
    details: { expected, actual },
  });
}

function copyAndHash(source: string, target: string): Digest {
  const hash = createHash("sha256");
  const input = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const output = openSync(target, "wx", 0o600);
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (;;) {
        const count = readSync(input, chunk);
        if (count === 0) break;
        hash.update(chunk.subarray(0, count));
        for (let written = 0; written < count; ) {
          written += writeSync(output, chunk, written, count - written);
        }
      }
    } finally {
      closeSync(output);
    }
  } finally {
    closeSync(input);
  }
  return digestFromHex(hash.digest("hex"));
}
