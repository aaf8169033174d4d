// What `images` does within the store: shapes that the engine takes and hands out, as in types.ts.

/** How an image is removed. */
export interface RemoveImageOptions {
  /** The containers that were made from it too, running or not, and all of its names. */
  readonly force?: boolean | undefined;
  /** All of its names, but no container. */
  readonly allNames?: boolean | undefined;
  /** Only if it has no name (any more). */
  readonly onlyNameless?: boolean | undefined;
}

/** One thing that the removal of an image did. */
export interface ImageRemoval {
  readonly untagged: readonly string[];
  /** Ids that are gone; empty while another name holds the image. */
  readonly deleted: readonly string[];
}

/** One step of an image's making, the last one first. */
export interface ImageHistoryStep {
  /** Of the image whose last step it is; missing where the store has none such. */
  readonly id?: string | undefined;
  /** RFC 3339; missing where the image does not say it. */
  readonly createdAt?: string | undefined;
  readonly createdBy: string;
  readonly author: string;
  readonly comment: string;
  /** Bytes of the files of its layer; 0 for a step that made none. */
  readonly size: number;
  /** Names of that image. */
  readonly names: readonly string[];
}

/** One layer in a tree of images. */
export interface ImageTreeLayer {
  /** Its chain id: this layer upon those below it. */
  readonly id: string;
  /** Bytes of its files. */
  readonly size: number;
  /** Names, or else ids, of the images of which it is the topmost. */
  readonly topOf: readonly string[];
  /** With `whatRequires`: what stands upon it. */
  readonly children: readonly ImageTreeLayer[];
}

/** An image and its layers. */
export interface ImageTree {
  readonly id: string;
  readonly names: readonly string[];
  readonly size: number;
  /** The lowest first; with `whatRequires` its topmost alone, with all that stands upon it. */
  readonly layers: readonly ImageTreeLayer[];
}

/** A mounted image. */
export interface ImageMountPoint {
  readonly id: string;
  readonly names: readonly string[];
  readonly path: string;
}

/** The part of `ImageService` that needs nothing but the store. */
export interface LocalImageService {
  /**
   * Gives an image more names; another image that has one of them loses it.
   *
   * @param names a short one becomes one of `localhost/`, as with Podman.
   * @throws TsmanError IMAGE_NOT_FOUND, REFERENCE_INVALID, USAGE for a digest
   */
  tag(nameOrId: string, names: readonly string[]): Promise<void>;
  /**
   * Takes names away, or all; the image stays.
   *
   * @throws TsmanError IMAGE_NOT_FOUND, also for a name that it does not have
   */
  untag(nameOrId: string, names?: readonly string[]): Promise<void>;
  /**
   * Takes the name away, and with its last name the image.
   *
   * @throws TsmanError IMAGE_NOT_FOUND, IMAGE_IN_USE (unless `force`, which removes its containers).
   */
  remove(nameOrId: string, options?: RemoveImageOptions): Promise<ImageRemoval>;
  /** @throws TsmanError IMAGE_NOT_FOUND */
  history(nameOrId: string): Promise<readonly ImageHistoryStep[]>;
  /** @throws TsmanError IMAGE_NOT_FOUND */
  tree(
    nameOrId: string,
    options?: { readonly whatRequires?: boolean | undefined },
  ): Promise<ImageTree>;
  /**
   * Mounts the files of an image, read-only, in the mount namespace of this process, which must be
   * one of `tsman unshare`.
   *
   * @throws TsmanError IMAGE_NOT_FOUND, OPTION_UNSUPPORTED elsewhere
   */
  mount(nameOrId: string): Promise<ImageMountPoint>;
  /** @returns whether it was mounted. */
  unmount(nameOrId: string, options?: { readonly force?: boolean | undefined }): Promise<boolean>;
  listMounts(): Promise<readonly ImageMountPoint[]>;
}
