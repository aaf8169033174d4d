import { isTsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { parseDigest } from "../oci/digest.ts";
import type { Session } from "./session.ts";

/** What a registry says about a blob that it is asked to take from another repository. */
export type MountResult =
  | { readonly isMounted: true }
  /** It wants the bytes instead, and has begun an upload for them. */
  | { readonly isMounted: false; readonly begun?: URL | undefined };

/**
 * Whether the repository has a blob.  A registry that does not say is taken to lack it: it is then
 * sent, which is never wrong.
 *
 * @throws TsmanError REGISTRY_*
 */
export async function hasBlob(
  session: Session,
  { digest, size }: Descriptor,
  signal?: AbortSignal,
): Promise<boolean> {
  const what = `look up blob ${parseDigest(digest, "digest of a blob")} in ${session.name}`;
  const look = async (): Promise<boolean> => {
    const response = await session.request({
      method: "HEAD",
      path: `blobs/${digest}`,
      // Registries that know no HEAD, or not for blobs, answer one of these.
      expect: [200, 400, 404, 405, 501],
      what,
      signal,
    });
    await response.discard();
    if (response.status !== 200) return false;
    const length = response.header("content-length");
    // Another length is another blob, or none: a redirect to an error page that says 200.
    return length === undefined || Number(length) === size;
  };
  return await unlessDenied(session.repeat(what, digest, look), false);
}

/**
 * Asks for a blob to be taken over from another repository of the same registry;
 * distribution-spec, "Mounting a blob from another repository".
 *
 * @param from `library/alpine`
 * @throws TsmanError REGISTRY_* for a repository that cannot be pushed to at all
 */
export async function mountBlob(
  session: Session,
  { digest }: Descriptor,
  from: string,
  signal?: AbortSignal,
): Promise<MountResult> {
  const what = `mount blob ${parseDigest(digest, "digest of a blob")} from ${from} in ${session.name}`;
  const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const mount = async (): Promise<MountResult> => {
    const response = await session.request({
      method: "POST",
      path: `blobs/uploads/?${query}`,
      headers: { "content-length": "0" },
      alsoReads: from,
      // Whose registry mounts nothing sends the blob.
      expect: [201, 202, 400, 404, 405, 501],
      what,
      signal,
    });
    await response.discard();
    if (response.status === 201) return { isMounted: true };
    if (response.status !== 202) return { isMounted: false };
    return { isMounted: false, begun: await session.locationOf(response) };
  };
  return await unlessDenied(session.repeat(what, digest, mount), { isMounted: false });
}

/** What is not allowed is not needed either: if nothing is allowed, the upload will say so. */
async function unlessDenied<T>(question: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await question;
  } catch (error) {
    if (isTsmanError(error, "REGISTRY_DENIED") || isTsmanError(error, "REGISTRY_AUTH")) {
      return otherwise;
    }
    throw error;
  }
}
