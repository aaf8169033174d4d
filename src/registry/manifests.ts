import { TsmanError } from "../errors/index.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest, sha256Digest } from "../oci/digest.ts";
import { maxManifestBytes } from "../oci/manifest.ts";
import { acceptedManifestTypes, mediaTypeOfHeader } from "../oci/media-types.ts";
import { contentLength, readBody } from "./body.ts";
import type { Session } from "./session.ts";

/** A manifest or index as it arrived. */
export interface FetchedManifest {
  readonly bytes: Buffer;
  /** The Content-Type header without parameters; undefined if there was none. */
  readonly mediaType: string | undefined;
  /** Of the bytes, never of a header. */
  readonly digest: Digest;
}

/** What a registry says about a manifest without sending it: a hint, not a proof. */
export interface ManifestHead {
  readonly digest: Digest | undefined;
  readonly mediaType: string | undefined;
  readonly size: number | undefined;
}

const accept = acceptedManifestTypes.join(", ");

/**
 * Fetches a manifest or index by tag or digest; by digest it is verified.
 *
 * @param expected size that the descriptor which led here gives
 * @throws TsmanError REGISTRY_*, DIGEST_MISMATCH, SIZE_MISMATCH
 */
export async function fetchManifest(
  session: Session,
  reference: string,
  expected?: Pick<Descriptor, "size">,
): Promise<FetchedManifest> {
  const what = `fetch manifest ${named(session, reference)}`;
  return await session.repeat(what, reference, async () => {
    const response = await session.request({
      method: "GET",
      path: `manifests/${checkedReference(reference)}`,
      headers: { accept },
      expect: [200],
      what,
    });
    const bytes = await readBody(response, maxManifestBytes, what);
    const digest = sha256Digest(bytes);
    if (expected !== undefined && bytes.length !== expected.size) {
      throw new TsmanError(
        "SIZE_MISMATCH",
        `${what}: ${bytes.length} bytes arrived, ${expected.size} were promised`,
      );
    }
    if (isDigest(reference) && digest !== reference) {
      throw new TsmanError("DIGEST_MISMATCH", `${what}: what arrived is ${digest}`, {
        hint: "the registry, or a proxy before it, changes manifests or holds a damaged one",
        details: { expected: reference, actual: digest },
      });
    }
    return { bytes, digest, mediaType: mediaTypeOfHeader(response.header("content-type")) };
  });
}

/**
 * Asks what a tag points to, without fetching it.
 *
 * @returns undefined if the registry does not have it
 * @throws TsmanError REGISTRY_*
 */
export async function headManifest(
  session: Session,
  reference: string,
): Promise<ManifestHead | undefined> {
  const what = `look up manifest ${named(session, reference)}`;
  return await session.repeat(what, reference, async () => {
    const response = await session.request({
      method: "HEAD",
      path: `manifests/${checkedReference(reference)}`,
      headers: { accept },
      expect: [200, 404],
      what,
    });
    await response.discard();
    if (response.status === 404) return undefined;
    const digest = response.header("docker-content-digest") ?? "";
    return {
      digest: isDigest(digest) ? digest : undefined,
      mediaType: mediaTypeOfHeader(response.header("content-type")),
      size: contentLength(response),
    };
  });
}

/** A tag or digest, which come from a parser but go into a URL: checked once more (case S55). */
export function checkedReference(reference: string): string {
  if (isDigest(reference) || /^\w[\w.-]{0,127}$/.test(reference)) return reference;
  throw new TsmanError(
    "REFERENCE_INVALID",
    `fetch manifest ${JSON.stringify(reference.slice(0, 80))}: neither a tag nor a digest`,
  );
}

/** `registry/repository:tag` or `…@digest`. */
export function named(session: Session, reference: string): string {
  return `${session.name}${isDigest(reference) ? "@" : ":"}${reference}`;
}
