import { lstatSync, readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod/mini";
import { TsmanError } from "../errors/index.ts";
import { parseDocument } from "../oci/document.ts";
import { isErrno } from "../platform/errno.ts";

/** What an image has to meet, and where that is said. */
export type Requirement = RequirementKind & {
  /** JSON pointer into the policy; RFC 6901. */
  readonly at: string;
};

/** containers-policy.json(5), "Policy Requirements". */
type RequirementKind =
  | { readonly kind: "accept" }
  | { readonly kind: "reject" }
  /** A sigstore signature by one of these keys. */
  | {
      readonly kind: "signed";
      /** PEM. */
      readonly keys: readonly PublicKeyText[];
      readonly identity: SignedIdentity;
    }
  /** What tsman cannot check, and so nobody meets. */
  | { readonly kind: "unknown"; readonly what: string };

/** A public key, and where it comes from. */
export interface PublicKeyText {
  readonly name: string;
  readonly text: string;
}

/** Which image a signature has to name. */
export type SignedIdentity =
  | { readonly type: "matchExact" | "matchRepoDigestOrExact" | "matchRepository" }
  | { readonly type: "exactReference"; readonly dockerReference: string }
  | { readonly type: "exactRepository"; readonly dockerRepository: string }
  | { readonly type: "remapIdentity"; readonly prefix: string; readonly signedPrefix: string };

/** Who may bring in what. */
export interface Policy {
  /** The file, for messages. */
  readonly file: string;
  readonly fallback: readonly Requirement[];
  /** Transport, then scope; the scope "" is for the rest of the transport. */
  readonly transports: ReadonlyMap<string, ReadonlyMap<string, readonly Requirement[]>>;
}

/** Larger files are no policy. */
const maxPolicyBytes = 1024 * 1024;

const identitySchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("matchExact") }),
  z.strictObject({ type: z.literal("matchRepoDigestOrExact") }),
  z.strictObject({ type: z.literal("matchRepository") }),
  z.strictObject({ type: z.literal("exactReference"), dockerReference: z.string() }),
  z.strictObject({ type: z.literal("exactRepository"), dockerRepository: z.string() }),
  z.strictObject({
    type: z.literal("remapIdentity"),
    prefix: z.string(),
    signedPrefix: z.string(),
  }),
]);

const requirementSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("insecureAcceptAnything") }),
  z.strictObject({ type: z.literal("reject") }),
  // Other programs can check it: the file may be for them, too.
  z.looseObject({ type: z.literal("signedBy") }),
  z.looseObject({ type: z.literal("signedBaseLayer") }),
  z.strictObject({
    type: z.literal("sigstoreSigned"),
    keyPath: z.optional(z.string()),
    keyPaths: z.optional(z.array(z.string())),
    keyData: z.optional(z.string()),
    keyDatas: z.optional(z.array(z.string())),
    fulcio: z.optional(z.unknown()),
    pki: z.optional(z.unknown()),
    rekorPublicKeyPath: z.optional(z.unknown()),
    rekorPublicKeyPaths: z.optional(z.unknown()),
    rekorPublicKeyData: z.optional(z.unknown()),
    rekorPublicKeyDatas: z.optional(z.unknown()),
    signedIdentity: z.optional(identitySchema),
  }),
]);

const requirementsSchema = z.array(requirementSchema).check(z.minLength(1, "should not be empty"));
const policySchema = z.strictObject({
  default: requirementsSchema,
  transports: z.optional(z.record(z.string(), z.record(z.string(), requirementsSchema))),
});

type WrittenRequirement = z.infer<typeof requirementSchema>;

/**
 * Reads a policy in the form of containers-policy.json(5).
 *
 * @returns undefined if there is no such file
 * @throws TsmanError CONFIG_INVALID, also for a file that cannot be read: a policy is never skipped
 */
export function readPolicy(file: string): Policy | undefined {
  const bytes = readIfThere(file);
  if (bytes === undefined) return undefined;
  const written = parseDocument(policySchema, bytes, {
    what: `policy ${file}`,
    code: "CONFIG_INVALID",
    maxBytes: maxPolicyBytes,
  });
  const requirements = (list: readonly WrittenRequirement[], ...at: string[]) =>
    list.map((each, index): Requirement => {
      const pointer = [...at, String(index)].map((part) => `/${escaped(part)}`).join("");
      return { ...requirementOf(each, file), at: pointer };
    });
  const transports = Object.entries(written.transports ?? {}).map(
    ([transport, scopes]) =>
      [
        transport,
        new Map(
          Object.entries(scopes).map(([scope, list]) => [
            scope,
            requirements(list, "transports", transport, scope),
          ]),
        ),
      ] as const,
  );
  return {
    file,
    fallback: requirements(written.default, "default"),
    transports: new Map(transports),
  };
}

/** RFC 6901, 3. */
function escaped(part: string): string {
  return part.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * Reads the first policy that there is.
 *
 * @throws TsmanError as {@link readPolicy}: a file that is there is never skipped for the next
 */
export function readFirstPolicy(files: readonly string[]): Policy | undefined {
  for (const file of files) {
    const policy = readPolicy(file);
    if (policy !== undefined) return policy;
  }
  return undefined;
}

/**
 * The requirements for something that comes by a transport under these scopes, the narrowest first.
 */
export function requirementsFor(
  policy: Policy,
  transport: string,
  scopes: readonly string[],
): readonly Requirement[] {
  const own = policy.transports.get(transport);
  for (const scope of [...scopes, ""]) {
    const found = own?.get(scope);
    if (found !== undefined) return found;
  }
  return policy.fallback;
}

function requirementOf(written: WrittenRequirement, file: string): RequirementKind {
  switch (written.type) {
    case "insecureAcceptAnything":
      return { kind: "accept" };
    case "reject":
      return { kind: "reject" };
    case "signedBy":
      return { kind: "unknown", what: "a GPG signature (signedBy)" };
    case "signedBaseLayer":
      return { kind: "unknown", what: "a signed base layer (signedBaseLayer)" };
    case "sigstoreSigned":
      return signedRequirement(written, file);
  }
}

function signedRequirement(
  written: Extract<WrittenRequirement, { type: "sigstoreSigned" }>,
  file: string,
): RequirementKind {
  const { keyPath, keyPaths = [], keyData, keyDatas = [], signedIdentity } = written;
  for (const [name, what] of [
    ["fulcio", "a signature with a certificate (fulcio)"],
    ["pki", "a signature with a certificate (pki)"],
    ["rekorPublicKeyPath", "an entry in a transparency log (rekor)"],
    ["rekorPublicKeyPaths", "an entry in a transparency log (rekor)"],
    ["rekorPublicKeyData", "an entry in a transparency log (rekor)"],
    ["rekorPublicKeyDatas", "an entry in a transparency log (rekor)"],
  ] as const) {
    if (written[name] !== undefined) return { kind: "unknown", what };
  }
  const paths = keyPath === undefined ? keyPaths : [keyPath, ...keyPaths];
  const data = keyData === undefined ? keyDatas : [keyData, ...keyDatas];
  const keys = [
    ...paths.map((each) => readKey(path.resolve(path.dirname(file), each), file)),
    ...data.map((each, index) => ({
      name: `keyData ${index + 1} of ${file}`,
      text: Buffer.from(each, "base64").toString("utf8"),
    })),
  ];
  if (keys.length === 0) {
    throw new TsmanError("CONFIG_INVALID", `read policy ${file}: sigstoreSigned without a key`, {
      hint: 'write "keyPath": "/path/to/key.pub"',
    });
  }
  return { kind: "signed", keys, identity: signedIdentity ?? { type: "matchRepoDigestOrExact" } };
}

function readKey(file: string, policy: string): PublicKeyText {
  const bytes = readIfThere(file);
  if (bytes !== undefined) return { name: file, text: bytes.toString("utf8") };
  throw new TsmanError("CONFIG_INVALID", `read policy ${policy}: there is no key ${file}`, {
    hint: "correct keyPath",
  });
}

function readIfThere(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    // A link that leads nowhere is a mistake, and no reason to let everything in.
    const isLink = lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    if (isErrno(error, "ENOENT") && !isLink) return undefined;
    const why = isErrno(error, "EACCES") ? "permission denied" : "not a readable file";
    throw new TsmanError("CONFIG_INVALID", `read ${file}: ${why}`, {
      hint: `make ${file} readable for this user`,
      cause: error,
    });
  }
}
