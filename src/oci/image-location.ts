import { TsmanError } from "../errors/index.ts";
import { formatNpmReference, type NpmReference, parseNpmReference } from "./npm-reference.ts";
import { formatReference, parseReference, type Reference } from "./reference.ts";
import { showText } from "./shown-text.ts";

/** A place for one image, as containers-transports(5) writes it. */
export type ImageLocation =
  /** `docker://[registry/]name[:tag][@digest]` */
  | { readonly transport: "docker"; readonly reference: Reference }
  /** `containers-storage:NAME`: the store; a name, an id or its beginning, looked up there. */
  | { readonly transport: "containers-storage"; readonly image: string }
  /** `oci:DIR[:ref]`, `oci-archive:FILE[:ref]`, `docker-archive:FILE[:name]` */
  | {
      readonly transport: "oci" | "oci-archive" | "docker-archive";
      readonly path: string;
      /** Missing: the only one there is. */
      readonly image?: ImageSelector | undefined;
    }
  /** `dir:PATH` */
  | { readonly transport: "dir"; readonly path: string }
  /** `npm:[@scope/]name[@version]`: an OCI layout in a package, see npm-reference.ts. */
  | { readonly transport: "npm"; readonly package: NpmReference };

/** Which of several images: by name, or `@2` by position from 0. */
export type ImageSelector = { readonly name: string } | { readonly position: number };

const schemes = [
  "docker",
  "containers-storage",
  "oci",
  "oci-archive",
  "docker-archive",
  "dir",
  "npm",
] as const;

type Transport = (typeof schemes)[number];

/** Longest name of an image in a layout. */
const maxNameLength = 1024;

/**
 * Reads a location, `TRANSPORT:…`.
 *
 * @returns undefined for what names no transport, as an image name does
 * @throws TsmanError REFERENCE_INVALID
 */
export function findImageLocation(text: string): ImageLocation | undefined {
  const colon = text.indexOf(":");
  const scheme = schemes.find((one) => one === text.slice(0, Math.max(colon, 0)));
  if (text.startsWith("docker-daemon:")) {
    throw invalid(text, "tsman does not speak to Docker", "docker save NAME | tsman load");
  }
  if (scheme === undefined) return undefined;
  return parseRest(text, scheme, text.slice(colon + 1));
}

/**
 * Reads a location that has to name its transport.
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function parseImageLocation(text: string): ImageLocation {
  const location = findImageLocation(text);
  if (location !== undefined) return location;
  throw invalid(text, "it names no transport", `write one of: ${schemes.map(example).join(", ")}`);
}

/** The location as text; {@link parseImageLocation} reads it back as the same. */
export function formatImageLocation(location: ImageLocation): string {
  switch (location.transport) {
    case "docker":
      return `docker://${formatReference(location.reference)}`;
    case "containers-storage":
      return `containers-storage:${location.image}`;
    case "dir":
      return `dir:${location.path}`;
    case "npm":
      return formatNpmReference(location.package);
    default:
      return `${location.transport}:${location.path}${formatSelector(location.image)}`;
  }
}

function formatSelector(image: ImageSelector | undefined): string {
  if (image === undefined) return "";
  return "name" in image ? `:${image.name}` : `:@${image.position}`;
}

function parseRest(text: string, transport: Transport, rest: string): ImageLocation {
  if (text.includes("\0")) throw invalid(text, "it holds a NUL character");
  switch (transport) {
    case "docker":
      if (!rest.startsWith("//")) {
        throw invalid(text, "docker: is not followed by //", "write docker://NAME");
      }
      return { transport, reference: parseReference(rest.slice(2)) };
    case "containers-storage":
      if (rest === "") throw invalid(text, "it names no image");
      return { transport, image: rest };
    case "dir":
      return { transport, path: parsePath(text, rest) };
    case "npm":
      return { transport, package: parseNpmReference(rest) };
    default: {
      // A path that holds a colon cannot be written: containers-transports(5) has no escape.
      const colon = rest.indexOf(":");
      if (colon === -1) return { transport, path: parsePath(text, rest) };
      const path = parsePath(text, rest.slice(0, colon));
      return { transport, path, image: parseSelector(text, transport, rest.slice(colon + 1)) };
    }
  }
}

function parsePath(text: string, path: string): string {
  if (path === "") throw invalid(text, "it names no path");
  return path;
}

function parseSelector(text: string, transport: Transport, name: string): ImageSelector {
  if (name.startsWith("@")) {
    if (!/^@\d{1,6}$/.test(name)) throw invalid(text, "@ is not followed by a number");
    return { position: Number(name.slice(1)) };
  }
  if (transport === "docker-archive") {
    const reference = parseReference(name);
    if (reference.digest !== undefined) {
      throw invalid(text, "a docker-archive has names with tags and none with digests");
    }
    return { name: formatReference(reference) };
  }
  // image-spec/annotations.md, "org.opencontainers.image.ref.name": its grammar is only advice, and
  // what others write does not keep to it; what could not be shown or told apart is refused.
  if (name === "" || name.length > maxNameLength || !/^[\x21-\x7e]+$/.test(name)) {
    throw invalid(text, "what follows the path is no image's name");
  }
  return { name };
}

function example(transport: Transport): string {
  if (transport === "docker") return "docker://NAME";
  if (transport === "containers-storage") return "containers-storage:NAME";
  if (transport === "dir") return "dir:PATH";
  if (transport === "npm") return "npm:PACKAGE[@VERSION]";
  return transport === "oci" ? "oci:DIR[:NAME]" : `${transport}:FILE[:NAME]`;
}

function invalid(text: string, why: string, hint?: string): TsmanError {
  return new TsmanError("REFERENCE_INVALID", `read image location ${showText(text)}: ${why}`, {
    hint,
  });
}
