import type { RegistryClient } from "../../registry/client.ts";
import type { FallbackControl } from "../../registry/fallback-client.ts";
import type { ImageRecord } from "../../store/images.ts";
import type { EngineContext } from "../context.ts";
import type { PullOptions } from "../types.ts";

/** What layers that the store lacks are fetched with. */
export type BlobFetcher = Pick<RegistryClient, "downloadBlob"> &
  Partial<FallbackControl & Pick<RegistryClient, "fetchRange">>;

/**
 * Fetches blobs of an image that is in the store from where it came: they were lost or damaged
 * since, or no id mapping needed them so far.  Loads no code and connects nowhere before it is
 * asked.
 *
 * @returns undefined for an image of no registry.
 */
export function originClient(
  context: EngineContext,
  image: ImageRecord,
  options: PullOptions,
): (BlobFetcher & AsyncDisposable) | undefined {
  const [origin] = image.digests;
  if (origin === undefined) return undefined;
  let opened: Promise<RegistryClient> | undefined;
  const open = async (): Promise<RegistryClient> => {
    const { openRegistryClient } = await import("./registry-access.ts");
    return await openRegistryClient(context, origin, options);
  };
  return {
    downloadBlob: async (descriptor, download) => {
      opened ??= open();
      await (await opened).downloadBlob(descriptor, download);
    },
    [Symbol.asyncDispose]: async () => {
      const client = await opened?.catch(() => undefined);
      await client?.[Symbol.asyncDispose]();
    },
  };
}
