import type { ListedPlatform } from "../oci/manifest-list.ts";
import type { PushOptions } from "./push-types.ts";
import type { RegistryAccess } from "./transfer-types.ts";
import type { PullOptions } from "./types.ts";

// What `manifests` takes and hands out, as in types.ts.

/** What a list says of an entry besides what it is; missing: nothing new. */
export type ManifestNotes = {
  readonly [K in keyof ListedPlatform]?: ListedPlatform[K] | undefined;
} & { readonly annotations?: Readonly<Record<string, string>> | undefined };

/** How images are added to a list. */
export interface AddManifestOptions
  extends RegistryAccess,
    Pick<PullOptions, "signal" | "onProgress"> {
  /** All platforms of an index; else this host's. */
  readonly all?: boolean | undefined;
  /** Over what the images say of themselves. */
  readonly notes?: ManifestNotes | undefined;
}

/** How a list is pushed: with the images that it names, unless `all` is false. */
export type PushManifestOptions = PushOptions;

/** A list of images for several platforms, as its document is. */
export interface ManifestList {
  /** 64 hexadecimal digits; stays when the list changes. */
  readonly id: string;
  /** Full names. */
  readonly names: readonly string[];
  /** Of the document. */
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
}

/** The part of `Tsman` that concerns lists of images for several platforms. */
export interface ManifestService {
  /** @throws TsmanError NAME_IN_USE */
  create(name: string, options?: { readonly amend?: boolean | undefined }): Promise<ManifestList>;
  /**
   * Adds an image of the store, or, where that has none of the name, of its registry or another place.
   *
   * @throws TsmanError IMAGE_NOT_FOUND and what the place throws
   */
  add(list: string, image: string, options?: AddManifestOptions): Promise<ManifestList>;
  /** @param image a digest, or a name by which it was added. @throws TsmanError IMAGE_NOT_FOUND */
  annotate(list: string, image: string, notes: ManifestNotes): Promise<ManifestList>;
  /** Takes an entry out. @throws TsmanError IMAGE_NOT_FOUND */
  removeEntry(list: string, image: string): Promise<ManifestList>;
  find(list: string): Promise<ManifestList | undefined>;
  /** The document behind a name in a registry, as it is there. */
  inspectRemote(image: string, options?: RegistryAccess): Promise<Uint8Array>;
  /** Full names of all lists. */
  list(): Promise<readonly string[]>;
  /** @throws TsmanError IMAGE_NOT_FOUND */
  remove(list: string): Promise<void>;
  /** @returns the digest of the index as it is there. @throws TsmanError REGISTRY_* */
  push(
    list: string,
    destination: string | undefined,
    options?: PushManifestOptions,
  ): Promise<{ readonly digest: string }>;
}
