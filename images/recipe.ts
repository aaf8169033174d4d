import type { Bytes, NameStyle, TarEntry, TarTime } from "./tar.ts";

/**
 * 2026-01-01T00:00:00Z: what every file and image of a recipe is dated, unless SOURCE_DATE_EPOCH
 * (reproducible-builds.org) or the recipe says otherwise.
 */
export const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? 1_767_225_600);

/** Ownership and the like of one entry; root, the usual mode and {@link epoch} if missing. */
export interface EntryOptions {
  /** Permission bits including 04000 setuid, 02000 setgid, 01000 sticky. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: TarTime;
  readonly xattrs?: Readonly<Record<string, Bytes>>;
  readonly nameStyle?: NameStyle;
}

function entry(
  type: TarEntry["type"],
  path: Bytes,
  mode: number,
  options: EntryOptions,
  rest: Partial<Pick<TarEntry, "content" | "target" | "major" | "minor">> = {},
): TarEntry {
  return {
    type,
    path,
    mode: options.mode ?? mode,
    uid: options.uid ?? 0,
    gid: options.gid ?? 0,
    mtime: options.mtime ?? { seconds: epoch },
    ...(options.xattrs === undefined ? {} : { xattrs: options.xattrs }),
    ...(options.nameStyle === undefined ? {} : { nameStyle: options.nameStyle }),
    ...rest,
  };
}

/** A directory; paths are relative to the root, as usual in layers. */
export function dir(path: Bytes, options: EntryOptions = {}): TarEntry {
  const name = Buffer.from(path);
  return entry("dir", Buffer.concat([name, Buffer.from("/")]), 0o755, options);
}

/** A file with this content. */
export function file(path: Bytes, content: Bytes, options: EntryOptions = {}): TarEntry {
  return entry("file", path, 0o644, options, { content });
}

/** A file with the content of a file of the building host. */
export function hostFile(path: Bytes, source: string, options: EntryOptions = {}): TarEntry {
  return entry("file", path, 0o755, options, { content: { hostFile: source } });
}

/** A symbolic link. */
export function symlink(path: Bytes, target: Bytes, options: EntryOptions = {}): TarEntry {
  return entry("symlink", path, 0o777, options, { target });
}

/** Another name of `target`, a path relative to the root. */
export function hardlink(path: Bytes, target: Bytes, options: EntryOptions = {}): TarEntry {
  return entry("hardlink", path, 0o644, options, { target });
}

/** A named pipe. */
export function fifo(path: Bytes, options: EntryOptions = {}): TarEntry {
  return entry("fifo", path, 0o644, options);
}

/** A character device. */
export function charDevice(
  path: Bytes,
  major: number,
  minor: number,
  options: EntryOptions = {},
): TarEntry {
  return entry("char", path, 0o666, options, { major, minor });
}

/** A block device. */
export function blockDevice(
  path: Bytes,
  major: number,
  minor: number,
  options: EntryOptions = {},
): TarEntry {
  return entry("block", path, 0o660, options, { major, minor });
}

/** image-spec layer.md, "Whiteouts": `path` of the layers below is gone. */
export function whiteout(path: string): TarEntry {
  const slash = path.lastIndexOf("/") + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, "");
}

/** image-spec layer.md, "Opaque Whiteout": nothing below shines through this directory. */
export function opaque(directory: string): TarEntry {
  return file(`${directory}/.wh..wh..opq`, "");
}

/** How the archive of a layer is stored. */
export type Compression = "gzip" | "zstd" | "none";

/** One layer. */
export interface Layer {
  readonly entries: Iterable<TarEntry> | (() => AsyncIterable<TarEntry>);
  readonly compression?: Compression;
}

/** The `config` object of an image configuration (image-spec config.md). */
export interface ProcessConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, Record<string, never>>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, Record<string, never>>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** image-spec image-index.md, "platform". */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** One image for one platform. */
export interface Image {
  /** That of this host if missing. */
  readonly platform?: Platform;
  readonly layers: readonly Layer[];
  readonly config?: ProcessConfig;
}

/** What `images/NAME/recipe.ts` exports as default: an image, or several under one index. */
export interface Recipe {
  /** One line: what the image is for. */
  readonly about: string;
  readonly images: readonly Image[];
  /** Wrap the images in an index even if there is just one. */
  readonly index?: boolean;
  /** Media types: those of OCI, or of Docker's manifest version 2, schema 2. */
  readonly format?: "oci" | "docker";
  /** When it is built: always, with `--all`, or with `--bench`. */
  readonly built?: "always" | "for tests" | "for the benchmark";
}
