import type { Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import type { ImageFormat } from "./media-types.ts";

// How an image goes from one place to another: a registry, a directory, an archive, the store.
// `engine` copies from any source to any destination; what a place is like stays in its service.

/** A manifest or index as its place holds it. */
export interface SourceManifest {
  readonly bytes: Buffer;
  readonly mediaType: string;
  /** Of the bytes. */
  readonly digest: Digest;
}

/** A place to take an image from; as untrusted as a registry. */
export interface ImageSource extends AsyncDisposable {
  /** As messages name it: `oci:./images:latest`. */
  readonly name: string;
  /** Its manifest is made up here: the format has none. */
  readonly isMadeUp?: boolean | undefined;
  /**
   * The top document of the image, or one that it names by digest (then verified).
   *
   * @throws TsmanError IMAGE_NOT_FOUND, MANIFEST_INVALID, DIGEST_MISMATCH and the place's own
   */
  readonly readManifest: (digest?: Digest) => Promise<SourceManifest>;
  /**
   * The bytes of a blob, as it is stored.  Read to the end they are verified: the iteration throws
   * SIZE_MISMATCH or DIGEST_MISMATCH instead of ending.
   */
  readonly readBlob: (descriptor: Descriptor, signal?: AbortSignal) => AsyncIterable<Uint8Array>;
}

/** A place to write an image to. */
export interface ImageDestination extends AsyncDisposable {
  /** As messages name it: `docker://registry.example/team/app:1`. */
  readonly name: string;
  /** The only format of documents that it can hold; missing: it takes either. */
  readonly requiredFormat?: ImageFormat | undefined;
  /** It holds one manifest and no index. */
  readonly isSinglePlatform?: boolean | undefined;
  /** Whether the blob is there, or could be had there without sending it (a registry's mount). */
  readonly hasBlob: (descriptor: Descriptor, signal?: AbortSignal) => Promise<boolean>;
  /**
   * Writes a blob; it is there when this resolves.  Several at once are allowed.
   *
   * @param bytes iterated anew, from the beginning, when a connection breaks: give an object whose
   *   `Symbol.asyncIterator` begins anew.  A stream or a generator is read once, and what breaks
   *   then is an error.
   */
  readonly writeBlob: (
    descriptor: Descriptor,
    bytes: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ) => Promise<void>;
  /** Writes a manifest or index whose blobs and manifests are there. */
  readonly writeManifest: (
    manifest: SourceManifest,
    options: {
      /** The one that the destination's name stands for, and not one that an index names. */
      readonly isTop: boolean;
    },
  ) => Promise<void>;
  /** Makes all of it visible under the destination's name; without it nothing remains. */
  readonly commit: () => Promise<void>;
}
