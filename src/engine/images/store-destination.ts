import type { Digest } from "../../oci/digest.ts";
import type { ImageDestination } from "../../oci/transfer.ts";
import type { EngineContext } from "../context.ts";

/** What a copy has brought into the store. */
export interface StoreDestination extends ImageDestination {
  /** Everything of the copy that the store has now, what was there before too. */
  readonly content: ReadonlySet<Digest>;
}

/**
 * The store's blobs as a place to copy to: nothing is unpacked, and no name is given.  The store's
 * content has to be locked, shared, until something refers to what was copied.
 */
export function storeDestination({ store }: EngineContext, name: string): StoreDestination {
  const content = new Set<Digest>();
  return {
    name,
    content,
    hasBlob: async ({ digest }) => {
      if (store.blobs.has(digest)) content.add(digest);
      return content.has(digest);
    },
    writeBlob: async ({ digest }, bytes, signal) => {
      await using _blob = await store.blobs.lock(digest, { signal });
      // Verified by the source; it gets the name that its bytes have.
      if (!store.blobs.has(digest)) await store.blobs.write(bytes);
      content.add(digest);
    },
    writeManifest: async ({ digest, bytes }) => {
      store.blobs.put(digest, bytes);
      content.add(digest);
    },
    commit: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
