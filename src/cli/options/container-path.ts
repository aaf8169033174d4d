import path from "node:path";
import { invalidValue } from "../usage-error.ts";

/** An absolute path inside the container, cleaned as Podman does. */
export function containerPath(text: string, option: string, whole: string): string {
  if (!text.startsWith("/")) {
    throw invalidValue(
      option,
      whole,
      `the container's path ${JSON.stringify(text)} is not absolute`,
      "begin it with /",
    );
  }
  if (text.includes("\0")) throw invalidValue(option, whole, "a NUL byte in a path", "remove it");
  const clean = path.posix.normalize(text);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** Podman's grammar of volume names. */
const volumeName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/;

/** A volume's name, which will be a directory's name. */
export function checkVolumeName(name: string, option: string, whole: string): string {
  if (volumeName.test(name)) return name;
  throw invalidValue(
    option,
    whole,
    `${JSON.stringify(name)} is neither a path nor a volume's name`,
    "begin a host path with / or ./; a volume's name has letters, digits, '_', '.' and '-'",
  );
}
