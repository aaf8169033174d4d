import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type BuiltLayer, TarBuilder } from "./tar-builder.ts";

/** A file of a layer. */
export interface TableFile {
  readonly name: string;
  readonly content: Buffer;
}

/** One line of a table of contents. */
export type TableLine = Record<string, string | number>;

/** What may be a lie about a table. */
export interface TableChanges {
  /** Changes the table's lines. */
  readonly lines?: (lines: TableLine[]) => readonly object[];
  /** Another document instead. */
  readonly document?: Buffer;
  /** Bytes that it is said to have. */
  readonly size?: number;
  /** Also lists the headers, as newer producers do, after this change. */
  readonly split?: (lines: TableLine[]) => readonly object[];
  /** Over the true annotations. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A layer with a table of contents. */
export interface TableLayer extends BuiltLayer {
  /** For `addImage`. */
  readonly descriptor: { readonly annotations: Readonly<Record<string, string>> };
}

const skippable = 0x184d2a50;
const blockSize = 512;

/**
 * A zstd:chunked layer: each file a frame of its own; behind the archive the table and a footer, in
 * skippable frames (containers/storage, docs/containers-storage-zstd-chunked.md).
 */
export function chunkedLayer(files: readonly TableFile[], changes: TableChanges = {}): TableLayer {
  const blob = new Pieces();
  const lines: TableLine[] = [];
  const headers: TableLine[] = [];
  const archive: Buffer[] = [];
  for (const { name, content } of files) {
    const [head, padding] = around(name, content);
    blob.add(zstdCompressSync(head));
    const offset = blob.length;
    blob.add(zstdCompressSync(content));
    const file = { type: "reg", name, size: content.length, digest: sha256(content) };
    lines.push({ ...file, offset, endOffset: blob.length });
    if (padding.length > 0) blob.add(zstdCompressSync(padding));
    archive.push(head, content, padding);
    headers.push({ type: 2, payload: head.toString("base64") });
    headers.push({ type: 1, name, size: content.length, payload: "" });
    headers.push({ type: 2, payload: padding.toString("base64") });
  }
  archive.push(Buffer.alloc(2 * blockSize));
  headers.push({ type: 2, payload: Buffer.alloc(2 * blockSize).toString("base64") });
  blob.add(zstdCompressSync(Buffer.alloc(2 * blockSize)));
  const split = changes.split && listOfHeaders(changes.split(headers));
  const table = documentOf(lines, changes, split && { tarSplitDigest: sha256(split.packed) });
  const packed = zstdCompressSync(table);
  const position = blob.length + 8;
  blob.add(skippableFrame(packed));
  const splitPosition = blob.length + 8;
  if (split !== undefined) blob.add(skippableFrame(split.packed));
  const footer = Buffer.alloc(64);
  for (const [index, number] of [position, packed.length, table.length, 1].entries()) {
    footer.writeBigUInt64LE(BigInt(number), 8 * index);
  }
  footer.write("GNUlInUx", 56, "latin1");
  blob.add(skippableFrame(footer));
  const prefix = "io.github.containers.zstd-chunked.";
  return layer(archive, blob, "zstd", {
    [`${prefix}manifest-checksum`]: sha256(packed),
    [`${prefix}manifest-position`]: `${position}:${packed.length}:${changes.size ?? table.length}:1`,
    ...(split !== undefined && {
      [`${prefix}tarsplit-position`]: `${splitPosition}:${split.packed.length}:${split.size}`,
    }),
    ...changes.annotations,
  });
}

/** vbatts/tar-split, tar/storage */
function listOfHeaders(lines: readonly object[]) {
  const document = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return { packed: zstdCompressSync(document), size: document.length };
}

/**
 * An eStargz layer: each piece of a file begins a gzip member, the table is the archive's last
 * file, its place in the footer (stargz-snapshotter, docs/estargz.md).
 *
 * @param chunkSize bytes of a file in one member
 */
export function stargzLayer(
  files: readonly TableFile[],
  chunkSize: number,
  changes: TableChanges = {},
): TableLayer {
  const blob = new Pieces();
  const lines: TableLine[] = [];
  const archive: Buffer[] = [];
  // What comes before the next piece of a file: its header, and what is left of the file before.
  let open: Buffer[] = [];
  const close = (): void => {
    archive.push(...open);
    blob.add(gzipSync(Buffer.concat(open)));
    open = [];
  };
  for (const { name, content } of files) {
    const [head, padding] = around(name, content);
    open.push(head);
    for (let at = 0; at < content.length; at += chunkSize) {
      close();
      const chunk = content.subarray(at, at + chunkSize);
      const isLast = at + chunkSize >= content.length;
      lines.push({
        ...(at === 0
          ? { type: "reg", size: content.length, digest: sha256(content) }
          : { type: "chunk", chunkOffset: at }),
        name,
        offset: blob.length,
        ...(!isLast && { chunkSize }),
        chunkDigest: sha256(chunk),
      });
      open.push(chunk);
    }
    open.push(padding);
  }
  close();
  const table = documentOf(lines, changes);
  const position = blob.length;
  const [head, padding] = around("stargz.index.json", table);
  open.push(head, table, padding, Buffer.alloc(2 * blockSize));
  close();
  blob.add(stargzFooter(position));
  return layer(archive, blob, "gzip", {
    "containerd.io/snapshot/stargz/toc.digest": sha256(table),
    ...changes.annotations,
  });
}

/** An empty gzip member with a field for the table's place; RFC 1952, 2.3.1.1. */
function stargzFooter(position: number): Buffer {
  const field = Buffer.from(`${position.toString(16).padStart(16, "0")}STARGZ`);
  return Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, 26, 0, 0x53, 0x47, 22, 0]),
    field,
    Buffer.from([1, 0, 0, 0xff, 0xff]),
    Buffer.alloc(8),
  ]);
}

/** `sha256:…` */
export function sha256(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

class Pieces {
  readonly all: Buffer[] = [];
  length = 0;

  add(bytes: Buffer): void {
    this.all.push(bytes);
    this.length += bytes.length;
  }
}

/** Header and padding of a file in an archive. */
function around(name: string, content: Buffer): readonly [Buffer, Buffer] {
  const entry = new TarBuilder().file(name, content).buildWithoutEnd();
  const headBytes = Math.floor((entry.length - content.length) / blockSize) * blockSize;
  return [entry.subarray(0, headBytes), entry.subarray(headBytes + content.length)];
}

function documentOf(
  lines: TableLine[],
  { lines: change, document }: TableChanges,
  more: object = {},
): Buffer {
  const entries = change?.(lines) ?? lines;
  return document ?? Buffer.from(JSON.stringify({ version: 1, entries, ...more }));
}

function skippableFrame(content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(skippable);
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content]);
}

function layer(
  archive: readonly Buffer[],
  { all }: Pieces,
  compression: "gzip" | "zstd",
  annotations: Readonly<Record<string, string>>,
): TableLayer {
  const tar = Buffer.concat(archive);
  const blob = Buffer.concat(all);
  return {
    tar,
    blob,
    digest: sha256(blob),
    diffId: sha256(tar),
    mediaType: `application/vnd.oci.image.layer.v1.tar+${compression}`,
    descriptor: { annotations },
  };
}
