import { isTsmanError } from "../errors/index.ts";
import { formatName, parseReference, parseWritten, type Reference } from "../oci/reference.ts";
import { prefixFits } from "../oci/registry-rules.ts";
import type { SignedIdentity } from "./policy.ts";

/**
 * Whether what a signature says that it is for is the image that was asked for;
 * containers-policy.json(5), "signedIdentity".
 *
 * @param signed the signature's docker-reference.
 */
export function identityFits(identity: SignedIdentity, wanted: Reference, signed: string): boolean {
  const own = readSigned(signed);
  if (own === undefined) return false;
  switch (identity.type) {
    case "matchExact":
      return isExact(own, wanted);
    case "matchRepoDigestOrExact":
      return isRepositoryOrExact(own, wanted);
    case "matchRepository":
      return formatName(own.reference) === formatName(wanted);
    case "exactReference": {
      const exact = readSigned(identity.dockerReference);
      return exact !== undefined && isExact(own, exact.reference);
    }
    case "exactRepository": {
      const exact = readSigned(identity.dockerRepository);
      return exact !== undefined && formatName(own.reference) === formatName(exact.reference);
    }
    case "remapIdentity":
      return isRepositoryOrExact(own, remapped(wanted, identity));
  }
}

/** A reference as it was signed. */
interface SignedReference {
  readonly reference: Reference;
  /** Without tag and digest: the signature is for a repository. */
  readonly isNameOnly: boolean;
}

function readSigned(text: string): SignedReference | undefined {
  try {
    const { tag, digest } = parseWritten(text);
    const isNameOnly = tag === undefined && digest === undefined;
    return { reference: parseReference(text), isNameOnly };
  } catch (error) {
    if (isTsmanError(error)) return undefined;
    throw error;
  }
}

/** With a digest the tag does not matter: the digest alone says which image is meant. */
function isExact({ reference, isNameOnly }: SignedReference, wanted: Reference): boolean {
  if (isNameOnly || formatName(reference) !== formatName(wanted)) return false;
  if (wanted.digest !== undefined) return reference.digest === wanted.digest;
  return reference.digest === undefined && reference.tag === wanted.tag;
}

function isRepositoryOrExact(own: SignedReference, wanted: Reference): boolean {
  if (own.isNameOnly) return false;
  return wanted.digest === undefined
    ? isExact(own, wanted)
    : formatName(own.reference) === formatName(wanted);
}

/** The name under which a copy was signed at its origin. */
function remapped(
  wanted: Reference,
  { prefix, signedPrefix }: Extract<SignedIdentity, { type: "remapIdentity" }>,
): Reference {
  if (!prefixFits(wanted, prefix)) return wanted;
  const name = formatName(wanted);
  // A prefix with a tag is longer than the name.
  const rest = name.slice(prefix.length);
  const { registry, repository } = parseReference(`${signedPrefix}${rest}`);
  return { ...wanted, registry, repository };
}
