import type { TsmanError } from "../errors/index.ts";
import type { ContainerSummary } from "./types.ts";

// What concerns the whole store: shapes that the engine takes and hands out, as in types.ts.
// Bytes are those on the disk, as du(1) counts them.

/** What an image takes. */
export interface ImageUsage {
  readonly id: string;
  readonly names: readonly string[];
  /** RFC 3339. */
  readonly createdAt: string;
  /** Its layers, unpacked for any id mapping, and its blobs. */
  readonly size: number;
  /** What of it other images have too. */
  readonly sharedSize: number;
  /** How many containers were made from it. */
  readonly containers: number;
}

/** What a container takes: all that it has written, and its log. */
export interface ContainerUsage extends ContainerSummary {
  readonly usedSize: number;
}

/** What a volume takes. */
export interface VolumeUsage {
  readonly name: string;
  readonly size: number;
  /** How many containers use it. */
  readonly links: number;
}

/** Bytes of one kind of thing, each shared one once. */
export interface UsageSum {
  readonly size: number;
  /** What a prune of everything that nobody uses would free. */
  readonly reclaimable: number;
}

/** What the store takes; its parts add up to all of it. */
export interface DiskUsage {
  readonly images: readonly ImageUsage[];
  readonly containers: readonly ContainerUsage[];
  readonly volumes: readonly VolumeUsage[];
  readonly sums: {
    readonly images: UsageSum;
    readonly containers: UsageSum;
    readonly volumes: UsageSum;
    /** Metadata, locks, and what interrupted commands have left, which is reclaimable. */
    readonly other: UsageSum;
  };
}

/** What can be pruned: what it is labelled with, and how old it is. */
export interface PrunableObject {
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** What is removed if nobody uses it. */
export interface PruneOptions {
  /** Those that do not run. */
  readonly containers?: boolean | undefined;
  /** Those without a name, or all that no container uses. */
  readonly images?: "dangling" | "unused" | undefined;
  readonly volumes?: boolean | undefined;
  /**
   * What can be made or fetched again: interrupted downloads, which the next pull would go on with,
   * and layers that are unpacked for an id mapping that no container has.
   */
  readonly leftOver?: boolean | undefined;
  /** Only those that this says; missing: all. */
  readonly accepts?: ((object: PrunableObject) => boolean) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Something that a prune has removed, or not. */
export interface Pruned {
  readonly kind: "container" | "image" | "volume";
  /** An id, or the name of a volume. */
  readonly id: string;
  /** Why it is still there. */
  readonly error?: TsmanError | undefined;
}

/** The part of `Tsman` that concerns the whole store. */
export interface SystemService {
  diskUsage(): Promise<DiskUsage>;
  /** Bytes of the whole store. */
  size(): Promise<number>;
  prune(options: PruneOptions): AsyncIterable<Pruned>;
  /**
   * Ends and removes all containers, images and volumes, and then all files of this store, its
   * runtime directory and the cache.  The store is closed then.
   *
   * @throws TsmanError CONTAINER_RUNNING for one that cannot be ended; PREFLIGHT_STORAGE for a file
   * that cannot be removed
   */
  reset(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}
