import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Bytes,
  endOfArchive,
  entryHeaders,
  extension,
  gnuMagic,
  type HeaderFields,
  type NameStyle,
  padding,
  paxRecord,
  type TarEntry,
  type TarTime,
  typeFlags,
  ustarHeader,
} from "../../images/tar.ts";

/** What every entry may say; root, mode 0644 or 0755 and time 1 if missing. */
export interface BuilderOptions {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: TarTime;
  readonly uname?: string;
  readonly gname?: string;
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  readonly nameStyle?: NameStyle;
}

/**
 * Composes archives that no honest tool would write.  Nothing is checked or cleaned: names are
 * taken literally (absolute, `..`, empty, NUL, raw bytes), headers may lie about anything.
 *
 *     new TarBuilder().symlink("a", "/etc").file("a/passwd", "x").build()
 */
export class TarBuilder {
  readonly #parts: Buffer[] = [];

  /** An honest entry of any type. */
  entry(type: TarEntry["type"], path: Bytes, options: BuilderOptions & Partial<TarEntry> = {}) {
    const content = options.content ?? "";
    if (typeof content === "object" && "hostFile" in content) {
      throw new TypeError("host files are for recipes");
    }
    const body = Buffer.from(content);
    const entry: TarEntry = {
      mode: type === "dir" ? 0o755 : 0o644,
      uid: 0,
      gid: 0,
      mtime: { seconds: 1 },
      ...options,
      type,
      path,
    };
    return this.raw(entryHeaders(entry, body.length), body, padding(body.length));
  }

  file(path: Bytes, content: Bytes = "", options: BuilderOptions = {}) {
    return this.entry("file", path, { ...options, content });
  }

  dir(path: Bytes, options: BuilderOptions = {}) {
    return this.entry("dir", path, options);
  }

  symlink(path: Bytes, target: Bytes, options: BuilderOptions = {}) {
    return this.entry("symlink", path, { ...options, target });
  }

  hardlink(path: Bytes, target: Bytes, options: BuilderOptions = {}) {
    return this.entry("hardlink", path, { ...options, target });
  }

  fifo(path: Bytes, options: BuilderOptions = {}) {
    return this.entry("fifo", path, options);
  }

  char(path: Bytes, major: number, minor: number, options: BuilderOptions = {}) {
    return this.entry("char", path, { ...options, major, minor });
  }

  block(path: Bytes, major: number, minor: number, options: BuilderOptions = {}) {
    return this.entry("block", path, { ...options, major, minor });
  }

  /** One header block exactly as given, then `content` padded to a block, whatever `size` says. */
  header(fields: HeaderFields, content: Bytes = "") {
    const body = Buffer.from(content);
    return this.raw(ustarHeader(fields), body, padding(body.length));
  }

  /** A PAX header for the next entry.  Values are bytes; keys may repeat or lie. */
  pax(records: readonly (readonly [key: string, value: Bytes])[]) {
    const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    return this.raw(extension(typeFlags.pax, body));
  }

  /** A PAX header whose content is taken literally: bad lengths, no newline, no "=". */
  paxLiteral(content: Bytes) {
    return this.raw(extension(typeFlags.pax, Buffer.from(content)));
  }

  /** A global PAX header, for all later entries. */
  globalPax(records: readonly (readonly [key: string, value: Bytes])[]) {
    const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
    return this.raw(extension(typeFlags.paxGlobal, body));
  }

  /** GNU tar's long name for the next entry. */
  gnuLongName(name: Bytes) {
    return this.raw(extension(typeFlags.gnuLongName, Buffer.from(name)));
  }

  /** GNU tar's long link target for the next entry. */
  gnuLongLink(target: Bytes) {
    return this.raw(extension(typeFlags.gnuLongLink, Buffer.from(target)));
  }

  /**
   * A file of `size` bytes according to its header, in base 256 beyond 8 GiB (GNU tar), followed
   * by just `content`.
   */
  claimedSize(path: Bytes, size: bigint, content: Bytes = "") {
    const field = Buffer.alloc(12);
    field.writeBigUInt64BE(size, 4);
    field[0] = 0x80;
    return this.header({ name: path, size: field, magic: gnuMagic }, content);
  }

  /** Any bytes. */
  raw(...bytes: Uint8Array[]) {
    for (const part of bytes) this.#parts.push(Buffer.from(part));
    return this;
  }

  /** The archive so far, with its end mark. */
  build(): Buffer {
    return Buffer.concat([...this.#parts, endOfArchive()]);
  }

  /** The archive so far without the two zero blocks. */
  buildWithoutEnd(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A layer as a registry holds it, with the digests that a manifest and a config state. */
export interface BuiltLayer {
  readonly tar: Buffer;
  readonly blob: Buffer;
  /** Digest of the blob. */
  readonly digest: string;
  /** Digest of the uncompressed archive. */
  readonly diffId: string;
  readonly mediaType: string;
}

/** Compresses an archive and names its digests. */
export function layerOf(tar: Buffer, compression: "gzip" | "zstd" | "none" = "gzip"): BuiltLayer {
  const blob =
    compression === "gzip" ? gzipSync(tar) : compression === "zstd" ? zstdCompressSync(tar) : tar;
  const suffix = compression === "none" ? "" : `+${compression}`;
  return {
    tar,
    blob,
    digest: digestOf(blob),
    diffId: digestOf(tar),
    mediaType: `application/vnd.oci.image.layer.v1.tar${suffix}`,
  };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
