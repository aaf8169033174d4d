import path from "node:path";
import { refused } from "../../oci/runtime-config.ts";
import type { OverlayDirectories } from "../../oci/runtime-spec.ts";

/** The directories of an overlay, and the options that are left. */
export interface AdoptedOverlay {
  readonly overlay: OverlayDirectories;
  readonly options: readonly string[];
}

interface Found {
  readonly lowers: string[];
  upperdir?: string;
  workdir?: string;
}

/**
 * The directories in the options of an overlay mount: the host's, relative to the bundle, as crun and
 * runc have it, which mount before the root is changed.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer
 */
export function adoptOverlay(
  given: readonly string[],
  pointer: string,
  bundleDir: string,
): AdoptedOverlay {
  const found: Found = { lowers: [] };
  const options = given.flatMap((option, index) =>
    splitEscaped(option, ",").filter(
      (word) => !takeWord(word, found, `${pointer}/options/${index}`),
    ),
  );
  const { lowers, upperdir, workdir } = found;
  if (lowers.length === 0) throw refused(`${pointer}/options`, "lowerdir is missing");
  if ((upperdir === undefined) !== (workdir === undefined)) {
    throw refused(`${pointer}/options`, "upperdir and workdir are both needed, or none");
  }
  const resolve = (directory: string): string => path.resolve(bundleDir, directory);
  const own =
    upperdir === undefined || workdir === undefined
      ? {}
      : { upper: resolve(upperdir), work: resolve(workdir) };
  return { overlay: { lowers: lowers.map(resolve), ...own }, options };
}

/** Whether a word names directories; they are remembered. */
function takeWord(word: string, found: Found, pointer: string): boolean {
  const equals = word.indexOf("=");
  const key = word.slice(0, equals);
  const value = word.slice(equals + 1);
  if (key === "datadir+") throw refused(pointer, "data-only layers are not supported");
  if (key === "lowerdir+") {
    // Of one directory as it stands: Documentation/filesystems/overlayfs.rst, "Multiple lower layers".
    found.lowers.push(present(value, pointer));
  } else if (key === "lowerdir") {
    if (found.lowers.length > 0) throw refused(pointer, "lowerdir stands twice");
    found.lowers.push(...splitEscaped(value, ":").map((one) => present(unescaped(one), pointer)));
  } else if (key === "upperdir" || key === "workdir") {
    if (found[key] !== undefined) throw refused(pointer, `${key} stands twice`);
    found[key] = present(unescaped(value), pointer);
  } else {
    return false;
  }
  return true;
}

/** "::" comes before data-only layers, which overlayfs.rst describes; else nothing is a mistake. */
function present(directory: string, pointer: string): string {
  if (directory !== "") return directory;
  throw refused(pointer, "names an empty directory, or data-only layers, which are not supported");
}

/** At separators that no backslash stands before. */
function splitEscaped(text: string, separator: string): string[] {
  const parts = [""];
  for (const [piece] of text.matchAll(/\\.|./gs)) {
    if (piece === separator) parts.push("");
    else parts.push(`${parts.pop()}${piece}`);
  }
  return parts;
}

/** As the kernel reads such a path (ovl_unescape in fs/overlayfs/params.c). */
function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/gs, "$1");
}
