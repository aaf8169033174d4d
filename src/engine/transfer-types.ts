import type { Compression, ImageFormat } from "../oci/media-types.ts";
import type { Platform } from "../oci/platform.ts";
import type { PullProgress } from "./progress.ts";
import type { RegistryCredentials } from "./types.ts";

// What `images` does with archives and other places: shapes that the engine takes and hands out, as
// in types.ts.

/** What all of these take. */
interface TransferIo {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: PullProgress) => void) | undefined;
}

/** How the registry at an end is reached. */
export interface RegistryAccess {
  /** Missing: true, except that loopback registries may answer plain http. */
  readonly tlsVerify?: boolean | undefined;
  /** Credentials file to read instead of the usual ones. */
  readonly authFile?: string | undefined;
  /** A directory of `*.crt`, `*.cert` and `*.key`, instead of the usual ones. */
  readonly certDir?: string | undefined;
  /** How often a request that fails is made again; missing: as the configuration says. */
  readonly retries?: number | undefined;
  readonly credentials?: RegistryCredentials | undefined;
}

/** As which kind of thing images are saved; Podman's words. */
export type SaveFormat = "docker-archive" | "oci-archive" | "oci-dir" | "docker-dir";

/** How images are saved. */
export interface SaveOptions extends TransferIo {
  /** Missing: "docker-archive". */
  readonly format?: SaveFormat | undefined;
  /** Layers are packed with gzip; missing: as they came.  Not in a docker-archive. */
  readonly compress?: boolean | undefined;
  /** A path, or a descriptor, which stays open; a directory's format needs a path. */
  readonly output: string | number;
}

/** How images are loaded. */
export interface LoadOptions extends TransferIo {
  /**
   * The path of an archive, of an OCI layout or of a `dir:` directory; or a descriptor, which is
   * closed in the end.
   */
  readonly input: string | number;
  /** Of indexes; missing: this host's. */
  readonly platform?: Platform | undefined;
}

/** An image that was loaded. */
export interface LoadedImage {
  /** `sha256:` and 64 hexadecimal digits. */
  readonly id: string;
  /** Full names that it has got. */
  readonly names: readonly string[];
}

/** How an image is made of an archive of files. */
export interface ImportOptions extends TransferIo {
  /** The path of a tar archive, a URL, or a descriptor, which is closed in the end. */
  readonly input: string | number;
  /** Missing: none, only an id. */
  readonly image?: string | undefined;
  readonly message?: string | undefined;
  /** Instructions of a Containerfile: `CMD ["sh"]`, `ENV A=b`, also `CMD=sh`. */
  readonly changes?: readonly string[] | undefined;
  /** What it is for; missing, also in part: this host's. */
  readonly platform?: Partial<Platform> | undefined;
}

/** How an image is copied from one place to another. */
export interface ImageCopyOptions extends TransferIo {
  /** All platforms of an index, and the index. */
  readonly all?: boolean | undefined;
  /** Missing: this host's. */
  readonly platform?: Platform | undefined;
  /** Of the documents; missing: as they are, or as the destination needs them. */
  readonly format?: ImageFormat | undefined;
  /** How layers are packed; missing: as they are. */
  readonly compression?: Compression | undefined;
  /** The compressor's; packs all layers anew. */
  readonly compressionLevel?: number | undefined;
  /** Pack all layers anew, however they are packed. */
  readonly forceCompression?: boolean | undefined;
  readonly source?: RegistryAccess | undefined;
  readonly destination?: RegistryAccess | undefined;
}

/** What a copy gave. */
export interface ImageCopyResult {
  /** Of the manifest or index, as it was written. */
  readonly digest: string;
}

/** How an image is made an npm package. */
export interface NpmPackageOptions extends TransferIo {
  /** Directory to make; missing: `SCOPE-NAME-VERSION` here. */
  readonly directory?: string | undefined;
}

/** A package that can be published. */
export interface NpmPackageResult {
  /** Absolute. */
  readonly directory: string;
  /** Of the image's manifest in it. */
  readonly digest: string;
}

/** The part of `Tsman.images` that concerns archives and other places. */
export interface ImageTransferService {
  /**
   * Writes images as one archive or directory, whole or not at all.
   *
   * @throws TsmanError IMAGE_NOT_FOUND, USAGE, DISK_FULL, INTERRUPTED
   */
  save(images: readonly string[], options: SaveOptions): Promise<void>;
  /**
   * Takes all images of an archive or directory into the store.
   *
   * @throws TsmanError ARCHIVE_INVALID and as a pull
   */
  load(options: LoadOptions): Promise<readonly LoadedImage[]>;
  /**
   * Makes an image of one layer of a tar archive of files, compressed or not.
   *
   * @throws TsmanError USAGE, LAYER_INVALID, LAYER_LIMIT, DISK_FULL, REGISTRY_* of a URL
   */
  import(options: ImportOptions): Promise<{ readonly id: string }>;
  /**
   * Copies an image from one place to another, `TRANSPORT:…` each, without the store.
   *
   * @throws TsmanError REFERENCE_INVALID, USAGE and what the places throw
   */
  copy(source: string, destination: string, options?: ImageCopyOptions): Promise<ImageCopyResult>;
  /**
   * Makes a directory that `npm publish` takes; `npm:NAME@VERSION` is the image then.
   *
   * @param packageName `[@scope/]name@version`
   * @throws TsmanError IMAGE_NOT_FOUND, REFERENCE_INVALID, USAGE when the directory is there
   */
  toNpm(
    nameOrId: string,
    packageName: string,
    options?: NpmPackageOptions,
  ): Promise<NpmPackageResult>;
}
