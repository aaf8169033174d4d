import { TsmanError } from "../errors/index.ts";
import { showText } from "./shown-text.ts";

/** An image that travels as an npm package: `npm:[@scope/]name[@version]`. */
export interface NpmReference {
  /** `name` or `@scope/name`. */
  readonly name: string;
  /** An exact version, or a tag of the package such as `latest`. */
  readonly version: string;
}

/** What npm calls valid for new packages; docs.npmjs.com, "package.json", "name". */
const namePattern = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/;
const maxNameLength = 214;
/** semver.org, exact versions only. */
const versionPattern = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
/** A tag may be anything that is no range; what could be one is not taken. */
const tagPattern = /^[A-Za-z][0-9A-Za-z._-]*$/;
const maxVersionLength = 128;

/**
 * Reads what follows `npm:`.
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function parseNpmReference(text: string): NpmReference {
  const at = text.indexOf("@", 1);
  const name = at === -1 ? text : text.slice(0, at);
  const version = at === -1 ? "latest" : text.slice(at + 1);
  if (!isNpmName(name)) {
    throw invalid(text, "it has no package name", "write npm:@scope/name@1.2.3");
  }
  if (version.length > maxVersionLength || !(isNpmVersion(version) || tagPattern.test(version))) {
    throw invalid(
      text,
      "what follows the name is neither a version nor a tag",
      "write a whole version, 1.2.3, or a tag such as latest; ranges are not resolved",
    );
  }
  return { name, version };
}

/** `npm:@scope/name@version`; {@link parseNpmReference} reads the part after `npm:` back. */
export function formatNpmReference({ name, version }: NpmReference): string {
  return `npm:${name}@${version}`;
}

/** Whether npm takes this as the name of a package. */
export function isNpmName(name: string): boolean {
  return name.length <= maxNameLength && namePattern.test(name);
}

/** Whether this is an exact version. */
export function isNpmVersion(version: string): boolean {
  return versionPattern.test(version);
}

/**
 * The name that the image has in a store: `localhost/npm/SCOPE/NAME:VERSION`.  What a repository
 * cannot be called is written as `_`.
 */
export function imageNameOfNpm({ name, version }: NpmReference): string {
  const parts = name.replace(/^@/, "").split("/").map(component);
  const tag = version.replace(/[^\w.-]/g, "_");
  return `localhost/npm/${parts.join("/")}:${tag}`;
}

/** distribution-spec: letters and digits, with single separators between them. */
function component(part: string): string {
  const plain = part.replace(/[^a-z0-9._-]/g, "_").replace(/[._-]{2,}/g, "_");
  return plain.replace(/^[._-]+|[._-]+$/g, "") || "0";
}

function invalid(text: string, why: string, hint: string): TsmanError {
  const shown = showText(text, "npm:");
  return new TsmanError("REFERENCE_INVALID", `read npm package ${shown}: ${why}`, { hint });
}
