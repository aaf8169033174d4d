import { isTsmanError } from "../../errors/index.ts";
import type { Digest } from "../../oci/digest.ts";
import { hostPlatform, matchPlatform, type Platform } from "../../oci/platform.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { ManifestListEntry, ManifestListRecord } from "../../store/manifest-lists.ts";
import type { Store } from "../../store/store.ts";
import type { EngineContext } from "../context.ts";
import type { ImageSummary } from "../types.ts";

/**
 * The image of a list that is for a platform, if the store has it unpacked.
 *
 * @param platform missing: this host's
 */
export function listedImage(
  { images }: Pick<Store, "images">,
  list: ManifestListRecord,
  platform: Platform = hostPlatform(),
): ImageRecord | undefined {
  const entry = entryFor(list, platform);
  return entry === undefined ? undefined : images.findById(imageIdOf(entry));
}

/** Ids of the images that the lists of a store name. */
export function allListedIds({ manifestLists }: Pick<Store, "manifestLists">): ReadonlySet<Digest> {
  return new Set(manifestLists.list().flatMap(listedIds));
}

/** The lists of a store as they stand among its images. */
export async function listSummaries(context: EngineContext): Promise<readonly ImageSummary[]> {
  const lists = context.store.manifestLists.list();
  if (lists.length === 0) return [];
  // With node:crypto.
  const { writeIndex } = await import("../../oci/manifest-list.ts");
  return lists.map(({ id, names, createdAt, entries, original }) => {
    const made = original === undefined ? writeIndex(entries) : undefined;
    const digest = original?.digest ?? made?.digest ?? "";
    const repositories = new Set(names.map((name) => name.slice(0, name.lastIndexOf(":"))));
    return {
      id,
      kind: "list",
      names,
      repoDigests: [...repositories].map((name) => `${name}@${digest}`),
      digest,
      createdAt,
      size: original?.size ?? made?.bytes.length ?? 0,
      labels: {},
      platform: { os: "", architecture: "" },
      containers: 0,
    };
  });
}

/** Ids of the images that a list names, whether the store has them or not. */
export function listedIds({ entries }: ManifestListRecord): readonly Digest[] {
  return entries.map(imageIdOf);
}

function imageIdOf({ blobs: [config], digest }: ManifestListEntry): Digest {
  return config ?? digest;
}

function entryFor(
  { entries }: ManifestListRecord,
  platform: Platform,
): ManifestListEntry | undefined {
  try {
    const { digest } = matchPlatform(entries, platform);
    return entries.find((entry) => entry.digest === digest);
  } catch (error) {
    if (isTsmanError(error, "PLATFORM_NOT_FOUND")) return undefined;
    throw error;
  }
}
