import type { Digest } from "../oci/digest.ts";
import type { ImageDestination, SourceManifest } from "../oci/transfer.ts";
import { hasBlob, mountBlob } from "./blob-presence.ts";
import { pushManifest } from "./push-manifest.ts";
import { Session } from "./session.ts";
import type { RegistryClientOptions } from "./settings.ts";
import { monolithicBytes, type UploadNote, uploadBlob } from "./upload-blob.ts";
import { cancelUpload } from "./upload-session.ts";

/** What {@link openRegistryDestination} takes besides a client's options. */
export interface RegistryDestinationOptions extends RegistryClientOptions {
  /** Tag or digest. */
  readonly reference: string;
  /** Repositories of the same registry that may have a blob, likeliest first. */
  readonly repositoriesWith?: ((digest: Digest) => readonly string[]) | undefined;
  /** Bytes of a request, once a proxy has refused a larger one; default 32 MiB. */
  readonly chunkBytes?: number | undefined;
  /** Holds the note of a blob's upload; undefined while another process does. */
  readonly claimNote?: ((digest: Digest) => (UploadNote & Disposable) | undefined) | undefined;
}

/** Repositories that are asked for a blob before it is sent. */
const maxMountAttempts = 3;

/**
 * A repository as a place to write an image to; distribution-spec, "Push".  Nothing happens before
 * its first request.  What was not committed has no tag, and what was not completed is cancelled.
 */
export function openRegistryDestination(options: RegistryDestinationOptions): ImageDestination {
  const session = new Session({ ...options, access: "push" });
  /** Uploads that registries have begun when they were asked to mount. */
  const begun = new Map<Digest, URL>();
  let top: SourceManifest | undefined;
  const { reference, repository, repositoriesWith, chunkBytes } = options;
  const separator = reference.includes(":") ? "@" : ":";
  return {
    name: `docker://${session.name}${separator}${reference}`,
    hasBlob: async (descriptor, signal) => {
      if (await hasBlob(session, descriptor, signal)) return true;
      const others = (repositoriesWith?.(descriptor.digest) ?? []).filter(
        (other) => other !== repository,
      );
      for (const other of others.slice(0, maxMountAttempts)) {
        const result = await mountBlob(session, descriptor, other, signal);
        if (result.isMounted) return true;
        if (result.begun === undefined) continue;
        const former = begun.get(descriptor.digest);
        begun.set(descriptor.digest, result.begun);
        if (former !== undefined) await cancelUpload(session, former);
      }
      return false;
    },
    writeBlob: async (descriptor, bytes, signal) => {
      const { digest } = descriptor;
      const location = begun.get(digest);
      begun.delete(digest);
      using note = descriptor.size > monolithicBytes ? options.claimNote?.(digest) : undefined;
      await uploadBlob(session, descriptor, {
        open: () => bytes,
        isRepeatable: isRepeatable(bytes),
        begun: location,
        chunkBytes,
        note,
        signal,
      });
    },
    writeManifest: async (manifest, { isTop }) => {
      if (isTop) top = manifest;
      else await pushManifest(session, manifest.digest, manifest);
    },
    commit: async () => {
      if (top !== undefined) await pushManifest(session, reference, top);
    },
    [Symbol.asyncDispose]: async () => {
      for (const location of begun.values()) await cancelUpload(session, location);
      await session[Symbol.asyncDispose]();
    },
  };
}

/** Whether iterating anew begins anew: not so with a generator or a stream. */
function isRepeatable(bytes: AsyncIterable<Uint8Array>): boolean {
  return !("next" in bytes) && !("destroyed" in bytes);
}
