import type { PullOptions } from "./types.ts";

/** How registries are searched. */
export interface SearchOptions
  extends Pick<PullOptions, "authFile" | "certDir" | "credentials" | "signal" | "tlsVerify"> {
  /** Of each registry; missing: 25. */
  readonly limit?: number | undefined;
  /** One of several registries that failed. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A repository that a registry has found. */
export interface FoundImage {
  readonly registry: string;
  /** With its registry. */
  readonly name: string;
  readonly description: string;
  readonly stars: number;
  readonly isOfficial: boolean;
  readonly isAutomated: boolean;
}

/** What `images` finds in registries. */
export interface ImageSearchService {
  /**
   * Images whose names or descriptions a registry finds by a term: at all registries that are
   * searched for names without one, or at that of `REGISTRY/TERM`.
   *
   * @throws TsmanError REGISTRY_* when none of them answers
   */
  search(term: string, options?: SearchOptions): Promise<readonly FoundImage[]>;
  /**
   * @param name of a repository.
   * @throws TsmanError REFERENCE_INVALID, REGISTRY_*
   */
  listTags(name: string, options?: SearchOptions): Promise<TagList>;
}

/** The tags of a repository. */
export interface TagList {
  /** With its registry. */
  readonly name: string;
  readonly tags: readonly string[];
}
