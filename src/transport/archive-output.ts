import { ftruncateSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";
import { headerSum } from "../oci/tar/block.ts";
import { type TarEntry, tarEnd, tarHeader, tarPadding } from "../oci/tar/header.ts";
import { toGivenFileError } from "../platform/errno.ts";
import type { StreamWriter } from "../platform/stream-writer.ts";
import { wrongSize } from "./directory-output.ts";
import type { ImageOutput } from "./image-output.ts";
import { Spool } from "./spool.ts";

const writeTo = promisify(write);

/** What {@link ArchiveOutput} takes. */
export interface ArchiveOutputOptions {
  readonly name: string;
  /** A new file of our own, open for writing, or what is written to in order. */
  readonly target: { readonly fd: number } | StreamWriter;
  /** A file without a name, for contents of unknown size on their way into a pipe. */
  readonly openSpool: () => number;
  /** Makes the archive visible. */
  readonly publish: () => Promise<void>;
  /** Lets it go, published or not. */
  readonly dispose: () => void | Promise<void>;
}

/** The first size that an octal field of eleven digits does not hold. */
const beyondOctal = 8 ** 11;

/**
 * Files in a tar archive, one after the other.  Nothing in it depends on time or user, so that the
 * same image gives the same bytes.
 */
export class ArchiveOutput implements ImageOutput {
  readonly name: string;
  readonly #options: ArchiveOutputOptions;
  readonly #sizes = new Map<string, number>();
  readonly #directories = new Set<string>();
  #position = 0;
  /** Contents that are being written, each where its place is. */
  readonly #bodies = new Set<Promise<unknown>>();
  /** The member before. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ArchiveOutputOptions) {
    this.name = options.name;
    this.#options = options;
  }

  size(file: string): number | undefined {
    return this.#sizes.get(file);
  }

  async write(file: string, size: number, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const { target } = this.#options;
    let start: number | undefined;
    await this.#inTurn(async () => {
      if (this.#sizes.has(file)) return;
      await this.#writeParents(file);
      await this.#write(memberHeader(file, size));
      this.#sizes.set(file, size);
      start = this.#position;
      if ("fd" in target) this.#position += size + tarPadding(size);
      else await this.#writeBody(bytes, size);
    });
    if (start === undefined || !("fd" in target)) return;
    // In its place, while others are written in theirs: what makes the bytes takes most of the time.
    const body = this.#writeBodyAt(target.fd, start, bytes, size);
    this.#bodies.add(body);
    try {
      await body;
    } finally {
      this.#bodies.delete(body);
    }
  }

  async writeUnsized(
    bytes: AsyncIterable<Uint8Array>,
    nameOf: () => string | undefined,
  ): Promise<void> {
    await this.#inTurn(async () => {
      const { target } = this.#options;
      if ("fd" in target) await this.#writeAhead(target.fd, bytes, nameOf);
      else await this.#writeSpooled(bytes, nameOf);
    });
  }

  async put(file: string, bytes: Uint8Array): Promise<void> {
    await this.write(file, bytes.length, once(bytes));
  }

  async commit(file: string, bytes: Uint8Array): Promise<void> {
    await this.put(file, bytes);
    await this.#write(tarEnd);
    try {
      await this.#options.publish();
    } catch (error) {
      throw toGivenFileError(error, `write ${this.name}`, "write");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => undefined);
    await Promise.allSettled(this.#bodies);
    await this.#options.dispose();
  }

  /** Members do not mix. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    // A member that failed leaves an archive that is given up; the others need not say so too.
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  /** skopeo unpacks such archives, and makes directories that are only implied root's. */
  async #writeParents(file: string): Promise<void> {
    for (let end = file.indexOf("/"); end !== -1; end = file.indexOf("/", end + 1)) {
      const directory = file.slice(0, end + 1);
      if (this.#directories.has(directory)) continue;
      this.#directories.add(directory);
      await this.#write(tarHeader({ ...plain, name: directory, type: "directory", mode: 0o755 }));
    }
  }

  /** The header is written when its size is known, back where it belongs. */
  async #writeAhead(
    fd: number,
    bytes: AsyncIterable<Uint8Array>,
    nameOf: () => string | undefined,
  ): Promise<void> {
    const start = this.#position;
    const { length } = memberHeader("", 0);
    await this.#write(Buffer.alloc(length));
    const size = await this.#writeBody(bytes);
    const file = nameOf();
    try {
      if (file === undefined || this.#sizes.has(file)) {
        this.#position = start;
        ftruncateSync(fd, start);
        return;
      }
      writeSync(fd, memberHeader(file, size), 0, length, start);
    } catch (error) {
      throw toGivenFileError(error, `write ${this.name}`, "write");
    }
    this.#sizes.set(file, size);
  }

  async #writeSpooled(
    bytes: AsyncIterable<Uint8Array>,
    nameOf: () => string | undefined,
  ): Promise<void> {
    using spool = new Spool(this.#options.openSpool(), this.name);
    let size = 0;
    for await (const chunk of bytes) {
      await spool.write(chunk);
      size += chunk.length;
    }
    const file = nameOf();
    if (file === undefined || this.#sizes.has(file)) return;
    await this.#write(memberHeader(file, size));
    await this.#writeBody(spool.read(), size);
    this.#sizes.set(file, size);
  }

  async #writeBody(bytes: AsyncIterable<Uint8Array>, expected?: number): Promise<number> {
    let size = 0;
    for await (const chunk of bytes) {
      size += chunk.length;
      if (expected !== undefined && size > expected) throw wrongSize(this.name, expected, size);
      await this.#write(chunk);
    }
    if (expected !== undefined && size < expected) throw wrongSize(this.name, expected, size);
    await this.#write(Buffer.alloc(tarPadding(size)));
    return size;
  }

  async #writeBodyAt(
    fd: number,
    start: number,
    bytes: AsyncIterable<Uint8Array>,
    expected: number,
  ): Promise<void> {
    let size = 0;
    for await (const chunk of bytes) {
      // Behind it is another member.
      if (size + chunk.length > expected) {
        throw wrongSize(this.name, expected, size + chunk.length);
      }
      await this.#writeAt(fd, chunk, start + size);
      size += chunk.length;
    }
    if (size < expected) throw wrongSize(this.name, expected, size);
    await this.#writeAt(fd, Buffer.alloc(tarPadding(size)), start + size);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const { target } = this.#options;
    if ("fd" in target) await this.#writeAt(target.fd, chunk, this.#position);
    else await target.write(chunk).catch((error) => this.#fail(error));
    this.#position += chunk.length;
  }

  async #writeAt(fd: number, chunk: Uint8Array, position: number): Promise<void> {
    try {
      for (let from = 0; from < chunk.length; ) {
        const length = chunk.length - from;
        from += (await writeTo(fd, chunk, from, length, position + from)).bytesWritten;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    throw toGivenFileError(error, `write ${this.name}`, "write");
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const plain: Omit<TarEntry, "name"> = {
  type: "file",
  size: 0,
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: { sec: 0, nsec: 0 },
};

/** One block, whatever the size: in base 256 where octal digits do not do, as GNU tar and Go. */
function memberHeader(file: string, size: number): Buffer {
  const isLarge = size >= beyondOctal;
  const header = tarHeader({ ...plain, name: file, size: isLarge ? 0 : size });
  if (!isLarge) return header;
  header.fill(0, 124, 136);
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
  header.write(`${headerSum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}
