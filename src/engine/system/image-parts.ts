import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import type { ImageRecord } from "../../store/images.ts";
import type { Store } from "../../store/store.ts";

/** What of the store belongs to images, by path: directories of layers, files of blobs. */
export interface ImageParts {
  /** Of one image, each part once. */
  readonly of: (image: ImageRecord) => ReadonlySet<string>;
  /** All that there is, also what no image needs. */
  readonly all: ReadonlySet<string>;
  /** Of `all`, the directories. */
  readonly directories: readonly string[];
  /** Whether a part is unpacked for an id mapping whose key is none of these. */
  readonly isOfOtherMapping: (part: string, keys: ReadonlySet<string>) => boolean;
}

/** Looks at what there is of images; a layer is there once for each id mapping that was used. */
export function imageParts({ layers, blobs }: Store): ImageParts {
  const byChain = new Map<string, string[]>();
  const keyOf = new Map<string, string>();
  for (const { mappingKey, chainId } of layers.list()) {
    const directory = path.dirname(layers.diffPath(mappingKey, chainId));
    keyOf.set(directory, mappingKey);
    const known = byChain.get(chainId);
    if (known === undefined) byChain.set(chainId, [directory]);
    else known.push(directory);
  }
  const directories = [...byChain.values()].flat();
  const all = new Set([...directories, ...blobs.list().map((digest) => blobs.path(digest))]);
  return {
    directories,
    all,
    isOfOtherMapping: (part, keys) => {
      const key = keyOf.get(part);
      return key !== undefined && !keys.has(key);
    },
    of: (image) => {
      const digests = [image.id, image.manifestDigest, ...image.layers.map(({ blob }) => blob)];
      const files = digests.map((digest) => blobs.path(digest)).filter((file) => all.has(file));
      return new Set([
        ...files,
        ...image.layers.flatMap(({ chainId }) => byChain.get(chainId) ?? []),
      ]);
    },
  };
}

/** Bytes of a file on the disk; 0 for one that is gone. */
export function usedByFile(file: string): number {
  return (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}

/** What interrupted commands have left: directories of layers, files of downloads. */
export function remainsOf({ layers, volumes, root }: Store): {
  readonly directories: readonly string[];
  readonly files: readonly string[];
} {
  const partials = path.join(root, "blobs/partial");
  return {
    directories: [...layers.listTrash(), ...volumes.listTrash()],
    files: readdirSync(partials).map((name) => path.join(partials, name)),
  };
}
