import type { Digest } from "../../oci/digest.ts";
import { parseReference } from "../../oci/reference.ts";
import type { EngineContext } from "../context.ts";

/**
 * Which repositories of a registry have a blob, as far as this store knows: those from which, or to
 * which, an image with it went.  The store is asked at the first question.
 */
export function repositoriesWith(
  context: EngineContext,
  registry: string,
): (digest: Digest) => readonly string[] {
  let known: ReadonlyMap<Digest, ReadonlySet<string>> | undefined;
  return (digest) => {
    known ??= collect(context, registry);
    return [...(known.get(digest) ?? [])];
  };
}

function collect(
  context: EngineContext,
  registry: string,
): ReadonlyMap<Digest, ReadonlySet<string>> {
  const known = new Map<Digest, Set<string>>();
  for (const image of context.store.images.list()) {
    for (const text of image.digests) {
      const reference = parseReference(text);
      if (reference.registry !== registry) continue;
      for (const blob of [image.id, ...image.layers.map((layer) => layer.blob)]) {
        const repositories = known.get(blob) ?? new Set();
        known.set(blob, repositories.add(reference.repository));
      }
    }
  }
  return known;
}
