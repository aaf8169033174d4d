import { realpathSync } from "node:fs";
import path from "node:path";
import { policyFiles as findPolicyFiles } from "../../config/config-files.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { type Digest, digestHex } from "../../oci/digest.ts";
import type { ImageLocation } from "../../oci/image-location.ts";
import { parseManifestOrIndex } from "../../oci/manifest.ts";
import { formatNpmReference, type NpmReference } from "../../oci/npm-reference.ts";
import { formatReference, type Reference } from "../../oci/reference.ts";
import type { StoredSignature } from "../../trust/judge-signatures.ts";
import type { Requirement } from "../../trust/policy.ts";
import { pathScopes, registryScopes } from "../../trust/scopes.ts";
import type { EngineContext } from "../context.ts";
import { type AccessOptions, openRegistryClient } from "./registry-access.ts";

/** Where an image comes from, as a policy names it. */
export type ImageOrigin =
  | { readonly transport: "docker"; readonly reference: Reference }
  | {
      /** As before the colon of a location, or `tarball` for a file system that is imported. */
      readonly transport: string;
      /** A file or directory; missing: none, standard input say. */
      readonly path?: string | undefined;
    }
  | { readonly transport: "npm"; readonly package: NpmReference };

/** Where a policy may be; the first that there is counts, alone. */
export function policyFiles({ paths }: EngineContext): readonly string[] {
  return findPolicyFiles(paths.configDir);
}

/** Asked with the digests that an image goes by; throws for what must not come in. */
export type AdmitImage = (digests: readonly Digest[]) => Promise<void>;

/** {@link assertAdmitted} for what comes from one place; undefined for the store. */
export function gateOf(
  context: EngineContext,
  location: ImageLocation,
  access: AccessOptions,
): AdmitImage | undefined {
  const origin = originOf(location);
  if (origin === undefined) return undefined;
  return async (digests) => await assertAdmitted(context, origin, digests, access);
}

/** A location as policies name it; undefined for the store, whose images were let in before. */
function originOf(location: ImageLocation): ImageOrigin | undefined {
  switch (location.transport) {
    case "docker":
      return { transport: "docker", reference: location.reference };
    case "containers-storage":
      return undefined;
    case "npm":
      return location;
    default:
      return { transport: location.transport, path: location.path };
  }
}

/** Signatures of one image that are looked at. */
const maxSignatures = 64;
const signatureAnnotation = "dev.cosignproject.cosign/signature";
const payloadType = "application/vnd.dev.cosign.simplesigning.v1+json";

/**
 * Checks that the policy lets an image in.  Every way into the store comes by here, before a layer
 * is unpacked.
 *
 * @param digests of the image's manifest, and of the index that led to it.
 * @throws TsmanError IMAGE_REJECTED, CONFIG_INVALID, and what asking the registry for signatures
 * throws
 */
export async function assertAdmitted(
  context: EngineContext,
  origin: ImageOrigin,
  digests: readonly Digest[],
  options: AccessOptions,
): Promise<void> {
  const { readFirstPolicy, requirementsFor } = await import("../../trust/policy.ts");
  const files = policyFiles(context);
  const policy = readFirstPolicy(files);
  if (policy === undefined) return;
  const scopes = scopesOf(origin);
  const requirements = requirementsFor(policy, origin.transport, scopes);
  let signatures: Promise<readonly StoredSignature[]> | undefined;
  for (const requirement of requirements) {
    const why = await faultOf(requirement, origin, digests, () => {
      signatures ??= readSignatures(context, origin, digests, options);
      return signatures;
    });
    if (why === undefined) continue;
    const where = `${requirement.at} of ${policy.file}`;
    const [own = ""] = files;
    const instead = policy.file === own ? "" : `; a policy for tsman alone goes before it: ${own}`;
    throw new TsmanError("IMAGE_REJECTED", `take in ${nameOf(origin)}: ${why}`, {
      hint: `the policy for it is ${where}${instead}`,
      details: { policy: policy.file, requirement: requirement.at, digest: digests[0] ?? "" },
    });
  }
}

function scopesOf(origin: ImageOrigin): readonly string[] {
  if ("reference" in origin) return registryScopes(origin.reference);
  if ("package" in origin) {
    const { name, version } = origin.package;
    return [`${name}@${version}`, ...pathScopes(name)];
  }
  return pathScopes(origin.path === undefined ? "" : realPath(origin.path));
}

/** What a path leads to: a link into a trusted directory does not make its target trusted. */
function realPath(given: string): string {
  try {
    return realpathSync(given);
  } catch {
    return path.resolve(given);
  }
}

/** Why a requirement is not met; undefined: it is. */
async function faultOf(
  requirement: Requirement,
  origin: ImageOrigin,
  digests: readonly Digest[],
  signatures: () => Promise<readonly StoredSignature[]>,
): Promise<string | undefined> {
  switch (requirement.kind) {
    case "accept":
      return undefined;
    case "reject":
      return "the policy rejects it";
    case "unknown":
      return `the policy asks for ${requirement.what}, which tsman cannot check`;
    case "signed": {
      if (!("reference" in origin)) {
        return `the policy asks for a signature, and ${origin.transport}: has none`;
      }
      const { faultOfSignatures } = await import("../../trust/judge-signatures.ts");
      return faultOfSignatures(requirement, origin.reference, digests, await signatures());
    }
  }
}

/**
 * The signatures that the repository has for any of these digests, where cosign puts them: the
 * layers of a manifest that is tagged `sha256-HEX.sig`.
 */
async function readSignatures(
  context: EngineContext,
  origin: ImageOrigin,
  digests: readonly Digest[],
  options: AccessOptions,
): Promise<readonly StoredSignature[]> {
  if (!("reference" in origin)) return [];
  const found: StoredSignature[] = [];
  // A client of its own: a mirror without signatures may serve the image all the same.
  await using client = await openRegistryClient(context, origin.reference, {
    ...options,
    onProgress: undefined,
  });
  for (const digest of digests) {
    const fetched = await client
      .fetchManifest(`sha256-${digestHex(digest)}.sig`)
      .catch((error: unknown) => {
        if (isTsmanError(error, "REGISTRY_NOT_FOUND")) return undefined;
        throw error;
      });
    if (fetched === undefined) continue;
    const document = parseManifestOrIndex(fetched.bytes, fetched.mediaType);
    if (document.kind !== "manifest") continue;
    const { maxPayloadBytes } = await import("../../trust/signature-payload.ts");
    for (const layer of document.layers.slice(0, maxSignatures)) {
      const signature = layer.annotations?.[signatureAnnotation];
      if (layer.mediaType !== payloadType || signature === undefined) continue;
      if (layer.size > maxPayloadBytes) continue;
      const payload = await client.fetchBlob(layer, maxPayloadBytes, options.signal);
      found.push({ payload, signature });
    }
  }
  return found;
}

function nameOf(origin: ImageOrigin): string {
  if ("reference" in origin) return formatReference(origin.reference);
  if ("package" in origin) return formatNpmReference(origin.package);
  return `${origin.transport}:${origin.path ?? ""}`;
}
