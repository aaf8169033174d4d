import { assertContainerName } from "../../container/names.ts";
import type { PullPolicy } from "../../container/options.ts";
import { parseSignal } from "../../container/signals.ts";
import { findImageLocation } from "../../oci/image-location.ts";
import { parseReference } from "../../oci/reference.ts";
import { invalidValue } from "../usage-error.ts";
import { naming } from "./scalars.ts";

/** `--pull`. */
export function parsePullPolicy(text: string, option: string): PullPolicy {
  const word = text.toLowerCase();
  if (word === "always" || word === "missing" || word === "never" || word === "newer") return word;
  if (word === "ifnotpresent") return "missing";
  if (word === "true") return "always";
  if (word === "false") return "missing";
  throw invalidValue(option, text, "no such policy", "use one of: always, missing, never, newer");
}

/** `--stop-signal`, `--signal`: the text stays, since the image's own is text too. */
export function parseSignalText(text: string, option: string): string {
  naming(parseSignal)(text, option);
  return text;
}

/** `--entrypoint`: a JSON list of words, or one program; empty: none. */
export function parseEntrypoint(text: string, option: string): readonly string[] {
  if (text === "") return [];
  if (!text.startsWith("[")) return [text];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    // Podman takes what is no JSON for the name of a program.
    return [text];
  }
  if (Array.isArray(list) && list.every((item) => typeof item === "string")) return list;
  throw invalidValue(
    option,
    text,
    "not a list of strings",
    'write a program, or ["program", "argument"]',
  );
}

/** `--chrootdirs`: absolute paths with commas between them. */
export function parseDirectories(text: string, option: string): readonly string[] {
  return text.split(",").map((directory) => parseWorkdir(directory, option));
}

/** `--requires`: containers with commas between them. */
export function parseContainerNames(text: string, option: string): readonly string[] {
  const names = text.split(",");
  for (const name of names) naming(assertContainerName)(name, option);
  return names;
}

/** `--passwd-entry`, `--group-entry`: a line. */
export function parseAccountEntry(text: string, option: string): string {
  const isLine = /^[^:\p{Cc}][^\p{Cc}]*$/u.test(text) && text.includes(":");
  if (isLine && text.length <= longestEntry) return text;
  throw invalidValue(
    option,
    text,
    "not a line of passwd(5) or group(5)",
    "write fields with colons between them, such as '$USERNAME:*:$UID:$GID::$HOME:/bin/sh'",
  );
}

/** As init has room for. */
const longestEntry = 600;

/** `--hostuser`. */
export function parseHostUser(text: string, option: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\$?$/.test(text)) return text;
  throw invalidValue(option, text, "not the name or id of a user", "name one from: getent passwd");
}

/** `--workdir`. */
export function parseWorkdir(text: string, option: string): string {
  if (text.startsWith("/")) return text;
  throw invalidValue(option, text, "not an absolute path", "begin it with /");
}

/** `--tz`: a name of the zone database, or `local`. */
export function parseTimeZone(text: string, option: string): string {
  const isPlain = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+){0,3}$/.test(text);
  if (isPlain) return text;
  throw invalidValue(
    option,
    text,
    "not the name of a time zone",
    "write it like Europe/Berlin, UTC or local",
  );
}

/** `--creds USER:PASSWORD`. */
export function parseCredentials(
  text: string,
  option: string,
): { readonly username: string; readonly password: string } {
  const colon = text.indexOf(":");
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  // The value is a secret: it is not repeated.
  throw invalidValue(option, "…", "not USER:PASSWORD", "write USER:PASSWORD, or use --authfile");
}

/** An image as written, checked to be one. */
export function parseImageName(text: string): string {
  // An id, or its beginning, is no reference but names an image all the same.
  if (!/^(?:sha256:)?[0-9a-f]{3,64}$/.test(text)) parseReference(text);
  return text;
}

/** An image to be fetched: a name, an id, or where it lies, `TRANSPORT:…`. */
export function parseImageOrigin(text: string): string {
  return findImageLocation(text) === undefined ? parseImageName(text) : text;
}
