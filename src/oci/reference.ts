import { TsmanError } from "../errors/index.ts";
import { type Digest, digestFault, isDigest } from "./digest.ts";
import { showText } from "./shown-text.ts";

/** A full image reference: where, which repository, and which image there. */
export interface Reference {
  /** `docker.io`, `localhost:5000`, `[::1]:5000`; lower case. */
  readonly registry: string;
  /** `library/alpine`. */
  readonly repository: string;
  /** Missing only if `digest` is there. */
  readonly tag?: string | undefined;
  /** If there, it alone decides which image is meant. */
  readonly digest?: Digest | undefined;
}

/** The registry of names that name none. */
export const defaultRegistry = "docker.io";

/** Longest name with its registry; distribution's NameTotalLengthMax. */
const maxNameLength = 255;
const maxTagLength = 128;
/** Name, tag, digest and separators; anything longer is refused before it is looked at. */
const maxReferenceLength = maxNameLength + 1 + maxTagLength + 1 + 256;

/** A reference as written, nothing filled in. */
export interface WrittenReference {
  readonly registry?: string | undefined;
  readonly path: string;
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

/**
 * Reads an image reference, `[registry[:port]/]name[:tag][@sha256:…]`, and fills in what is not
 * written: `alpine` → `docker.io/library/alpine:latest`.  A digest needs no tag.
 *
 * Everything that it returns is safe in a URL: the grammar admits only letters, digits and `._-/:`
 * in their places (cases S55, S60).  Time and memory are linear in the length of the text.
 *
 * @throws TsmanError REFERENCE_INVALID, naming the character and its position (from 1)
 */
export function parseReference(text: string): Reference {
  return completeReference(text, parseWritten(text), defaultRegistry);
}

/**
 * Fills in what is not written, with `registry` for a name without one.
 *
 * @param text for the message
 * @throws TsmanError REFERENCE_INVALID for a name that gets too long
 */
export function completeReference(
  text: string,
  written: WrittenReference,
  registry: string,
): Reference {
  const { path, tag, digest } = written;
  const named = written.registry ?? registry;
  const host = named === "index.docker.io" ? defaultRegistry : named;
  const repository = host === defaultRegistry && !path.includes("/") ? `library/${path}` : path;
  const { length } = formatName({ registry: host, repository });
  if (length > maxNameLength) {
    throw invalid(text, `its full name has ${length} characters, ${maxNameLength} are the limit`);
  }
  return {
    registry: host,
    repository,
    ...((tag !== undefined || digest === undefined) && { tag: tag ?? "latest" }),
    ...(digest !== undefined && { digest }),
  };
}

/**
 * Whether a reference names no registry, so that it may mean a local image.
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function isShortName(text: string): boolean {
  return parseWritten(text).registry === undefined;
}

/**
 * Reads where a registry, or a part of one, is: `host[:port][/path]`; the host needs no dot.
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function parseLocation(text: string): { readonly registry: string; readonly path: string } {
  const slash = text.indexOf("/");
  const registry = slash === -1 ? text : text.slice(0, slash);
  checkRegistry(text, registry);
  if (slash !== -1) checkPath(text, slash + 1, text.length);
  return { registry: registry.toLowerCase(), path: slash === -1 ? "" : text.slice(slash + 1) };
}

/** `registry/repository`, without tag and digest. */
export function formatName(reference: Pick<Reference, "registry" | "repository">): string {
  return `${reference.registry}/${reference.repository}`;
}

/** `registry/repository[:tag][@digest]`; {@link parseReference} reads it back as the same. */
export function formatReference(reference: Reference): string {
  return formatName(reference) + formatSelector(reference);
}

/** `[:tag][@digest]`. */
function formatSelector({ tag, digest }: Reference): string {
  return (tag === undefined ? "" : `:${tag}`) + (digest === undefined ? "" : `@${digest}`);
}

/** The shortest way to write the same: `alpine:latest`, `user/tool:1`, `quay.io/a/b:2`. */
export function familiarName(reference: Reference): string {
  return shortestName(reference) + formatSelector(reference);
}

function shortestName(reference: Reference): string {
  const { registry, repository } = reference;
  if (registry !== defaultRegistry) return formatName(reference);
  const bare = /^library\/([^/]+)$/.exec(repository)?.[1];
  if (bare !== undefined) return bare;
  // Without its registry the name must not look as if its first part were one.
  return looksLikeRegistry(repository) ? formatName(reference) : repository;
}

/** Whether the part before the first slash is a registry, as Docker decides it. */
function looksLikeRegistry(name: string): boolean {
  const slash = name.indexOf("/");
  if (slash === -1) return false;
  const first = name.slice(0, slash);
  return first === "localhost" || /[.:A-Z[]/.test(first);
}

/**
 * Reads a reference without filling anything in.
 *
 * @throws TsmanError REFERENCE_INVALID
 */
export function parseWritten(text: string): WrittenReference {
  if (text === "") throw invalid(text, "it is empty");
  if (text.length > maxReferenceLength) {
    throw invalid(
      text,
      `it is ${text.length} characters long, ${maxReferenceLength} are the limit`,
    );
  }
  const scheme = /^([a-z][a-z-]*):\/\//.exec(text)?.[1];
  if (scheme !== undefined) {
    throw invalid(text, `it starts with ${scheme}://`, `leave out ${scheme}://`);
  }
  const at = text.indexOf("@");
  const named = at === -1 ? text : text.slice(0, at);
  const digest = at === -1 ? undefined : text.slice(at + 1);
  let start = 0;
  let registry: string | undefined;
  if (looksLikeRegistry(named)) {
    start = named.indexOf("/") + 1;
    registry = named.slice(0, start - 1);
    checkRegistry(text, registry);
  }
  // A port has been cut off with the registry, so a colon that is left starts the tag.
  const colon = named.indexOf(":", start);
  const pathEnd = colon === -1 ? named.length : colon;
  checkPath(text, start, pathEnd);
  if (colon !== -1) checkTag(text, colon + 1, named.length);
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `its digest is wrong: ${digestFault(digest)}`);
  }
  return {
    registry: registry?.toLowerCase(),
    path: named.slice(start, pathEnd),
    tag: colon === -1 ? undefined : named.slice(colon + 1),
    digest,
  };
}

/** `host[:port]`: letters, digits, hyphens and dots, or an IPv6 address in brackets. */
function checkRegistry(text: string, registry: string): void {
  const bracket = registry.startsWith("[") ? registry.indexOf("]") : -1;
  if (registry.startsWith("[") && bracket === -1) throw unexpected(text, 0, "a registry");
  const colon = registry.indexOf(":", bracket === -1 ? 0 : bracket);
  const end = colon === -1 ? registry.length : colon;
  if (bracket !== -1) {
    const wrong = findOther(registry, 1, bracket, isAddressCharacter);
    if (wrong !== -1 || bracket === 1)
      throw unexpected(text, wrong === -1 ? 1 : wrong, "an address");
    if (end !== bracket + 1) throw unexpected(text, bracket + 1, "a registry");
  } else {
    checkHost(text, end);
  }
  if (colon === -1) return;
  const wrong = findOther(registry, colon + 1, registry.length, isDigit);
  if (wrong !== -1) throw unexpected(text, wrong, "a port");
  const port = registry.slice(colon + 1);
  if (port === "") throw unexpected(text, registry.length, "a port");
  if (port.length > 5 || Number(port) < 1 || Number(port) > 65535) {
    throw invalid(text, `port ${port.slice(0, 12)} is not between 1 and 65535`);
  }
}

function checkHost(text: string, end: number): void {
  for (let at = 0; at < end; at += 1) {
    const unit = text.charCodeAt(at);
    if (isLetter(unit) || isDigit(unit)) continue;
    const isInner = at > 0 && at < end - 1;
    const before = text.charCodeAt(at - 1);
    const after = text.charCodeAt(at + 1);
    const isHyphen = unit === hyphen && isInner && before !== dot && after !== dot;
    const isDot = unit === dot && isInner && before !== dot;
    if (!isHyphen && !isDot) throw unexpected(text, at, "a registry");
  }
  if (end === 0) throw unexpected(text, 0, "a registry");
}

/**
 * Components of lower-case letters and digits, between them one dot, one or two underscores or any
 * number of hyphens; components are separated by slashes.
 */
function checkPath(text: string, start: number, end: number): void {
  let at = start;
  while (at < end) {
    const wordStart = at;
    while (at < end && isWord(text.charCodeAt(at))) at += 1;
    if (at === wordStart) throw unexpected(text, at, "a name");
    if (at === end) return;
    at = afterSeparator(text, at, end);
  }
  throw unexpected(text, at, "a name");
}

function afterSeparator(text: string, at: number, end: number): number {
  const unit = text.charCodeAt(at);
  let next = at + 1;
  if (unit === hyphen) {
    while (next < end && text.charCodeAt(next) === hyphen) next += 1;
  } else if (unit === underscore) {
    if (next < end && text.charCodeAt(next) === underscore) next += 1;
  } else if (unit !== dot && unit !== slash) {
    throw unexpected(text, at, "a name");
  }
  return next;
}

function checkTag(text: string, start: number, end: number): void {
  if (start === end) throw unexpected(text, start, "a tag");
  const first = text.charCodeAt(start);
  if (first === dot || first === hyphen) throw unexpected(text, start, "the start of a tag");
  const wrong = findOther(text, start, end, isTagCharacter);
  if (wrong !== -1) throw unexpected(text, wrong, "a tag");
  if (end - start > maxTagLength) {
    throw invalid(text, `its tag is ${end - start} characters long, ${maxTagLength} are the limit`);
  }
}

const hyphen = 0x2d;
const dot = 0x2e;
const slash = 0x2f;
const underscore = 0x5f;

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}
function isLower(unit: number): boolean {
  return unit >= 0x61 && unit <= 0x7a;
}
function isLetter(unit: number): boolean {
  return isLower(unit) || (unit >= 0x41 && unit <= 0x5a);
}
function isWord(unit: number): boolean {
  return isLower(unit) || isDigit(unit);
}
function isTagCharacter(unit: number): boolean {
  return isLetter(unit) || isDigit(unit) || unit === underscore || unit === dot || unit === hyphen;
}
function isAddressCharacter(unit: number): boolean {
  const isHexLetter = (unit >= 0x41 && unit <= 0x46) || (unit >= 0x61 && unit <= 0x66);
  return isDigit(unit) || isHexLetter || unit === 0x3a || unit === dot;
}

/** The first position in `[start, end)` whose character is not allowed, or -1. */
function findOther(
  text: string,
  start: number,
  end: number,
  isAllowed: (unit: number) => boolean,
): number {
  for (let at = start; at < end; at += 1) {
    if (!isAllowed(text.charCodeAt(at))) return at;
  }
  return -1;
}

function unexpected(text: string, at: number, place: string): TsmanError {
  const code = text.codePointAt(at);
  if (code === undefined) return invalid(text, `it ends where ${place} is expected`);
  const isUpper = code >= 0x41 && code <= 0x5a;
  const why = `character ${characterName(code)} at position ${at + 1} does not belong in ${place}`;
  return invalid(text, why, isUpper ? "write the repository name in lower case" : undefined, at);
}

/** `'A'`, or `U+000D` for what cannot be seen. */
function characterName(code: number): string {
  if (code > 0x20 && code < 0x7f) return `'${String.fromCharCode(code)}'`;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function invalid(text: string, why: string, hint?: string, at?: number): TsmanError {
  return new TsmanError("REFERENCE_INVALID", `read image reference ${showText(text)}: ${why}`, {
    hint: hint ?? "write it as [registry[:port]/]name[:tag][@sha256:digest]",
    ...(at !== undefined && { details: { position: at + 1 } }),
  });
}
