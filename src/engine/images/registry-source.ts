import { parseManifestOrIndex } from "../../oci/manifest.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";
import type { ImageSource } from "../../oci/transfer.ts";
import type { EngineContext } from "../context.ts";
import { type AccessOptions, openRegistryClient } from "./registry-access.ts";
import { streamOf } from "./sink-stream.ts";

/** An image in a registry as a place to copy from. */
export async function openRegistrySource(
  context: EngineContext,
  reference: Reference,
  options: AccessOptions,
): Promise<ImageSource> {
  const client = await openRegistryClient(context, reference, options);
  return {
    name: `docker://${formatReference(reference)}`,
    readManifest: async (digest) => {
      const wanted = digest ?? reference.digest ?? reference.tag ?? "latest";
      const fetched = await client.fetchManifest(wanted);
      const { mediaType } = parseManifestOrIndex(
        fetched.bytes,
        fetched.mediaType,
        undefined,
        formatReference(reference),
      );
      return { bytes: fetched.bytes, mediaType, digest: fetched.digest };
    },
    readBlob: (descriptor, signal) =>
      streamOf((sink, inner) => client.downloadBlob(descriptor, { sink, signal: inner }), {
        signal,
      }),
    [Symbol.asyncDispose]: async () => await client[Symbol.asyncDispose](),
  };
}
