import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from "node:fs";
import { TsmanError } from "../../errors/index.ts";
import { isErrno, toFileError } from "../../platform/errno.ts";
import { displayName, fsPath } from "../worker/entry-name.ts";

/** Somebody may put a link in the place of what was just resolved. */
const attempts = 100;

/**
 * The path behind all symbolic links, and what is there; undefined when nothing is.  The process
 * has changed its root, so links lead where they lead for the container.
 *
 * @throws TsmanError when it cannot be looked up
 */
export function resolvePath(
  path: string,
): { readonly path: string; readonly status: Stats } | undefined {
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const real = realpathSync.native(fsPath(path), { encoding: "buffer" }).toString("latin1");
      const status = lstatSync(fsPath(real));
      if (!status.isSymbolicLink()) return { path: real, status };
    }
    throw new TsmanError("USAGE", `${displayName(path)} changes all the time`);
  } catch (error) {
    if (error instanceof TsmanError) throw error;
    if (isErrno(error, "ENOENT")) return undefined;
    if (isErrno(error, "ENOTDIR")) {
      throw new TsmanError("USAGE", `${displayName(path)}: a part of it is no directory`);
    }
    throw toFileError(error, `look up ${displayName(path)}`);
  }
}

/** Where an archive's entries go, by the rules of `docker cp` and `podman cp`. */
export interface Placement {
  /** The directory that entries are relative to, or the path of the one file. */
  readonly place: string;
  /** Whether the directory has to be made first; its parent exists. */
  readonly isMissing: boolean;
  /** Something is there that is to be replaced (`--overwrite`). */
  readonly isInTheWay: boolean;
}

/** What {@link placeOf} takes. */
export interface PlaceRequest {
  /** Absolute. */
  readonly destination: string;
  /** It was written with a slash at its end. */
  readonly mustBeDirectory: boolean;
  readonly source: "file" | "directory" | "archive";
  /** Name of the source; "" when only what is in it is wanted. */
  readonly name: string;
  readonly overwrite: boolean;
}

/**
 * Decides what a copy makes:
 *
 * - into an existing directory goes the source under its own name, or, if it was written with `/.`,
 *   what is in it;
 * - an existing file is replaced by a file, not by a directory;
 * - what does not exist is made, if its parent exists: a file of that name, or a directory with what
 *   is in the source; a file is no directory, so its name must not end with a slash;
 * - a link to what does not exist means that;
 * - an archive needs an existing directory.
 *
 * @throws TsmanError USAGE
 */
export function placeOf(request: PlaceRequest): Placement {
  const { destination, source, name, overwrite } = request;
  const shown = displayName(destination);
  const found = resolvePath(destination);
  const there = { isMissing: false, isInTheWay: false };
  if (found === undefined) {
    if (source === "archive") {
      throw new TsmanError("USAGE", `${shown} does not exist: an archive needs a directory`, {
        hint: "make it first",
      });
    }
    if (source === "file" && request.mustBeDirectory) {
      throw new TsmanError("USAGE", `${shown} does not exist, and a file is to be copied into it`, {
        hint: "make the directory first, or leave the slash out",
      });
    }
    const place = placeOfMissing(destination);
    return { ...there, place, isMissing: source === "directory" };
  }
  if (found.status.isDirectory()) {
    const inside = `${found.path === "/" ? "" : found.path}/${name}`;
    if (source === "archive" || (source === "directory" && name === "")) {
      return { ...there, place: found.path };
    }
    if (source === "file") return { ...there, place: inside };
    return { ...placeOfDirectory(inside, overwrite), place: inside };
  }
  if (source === "archive" || request.mustBeDirectory) {
    throw new TsmanError("USAGE", `${shown} is no directory`);
  }
  if (source === "file") return { ...there, place: found.path };
  if (!overwrite) {
    throw new TsmanError("USAGE", `${shown} is no directory, but a directory is to be copied`, {
      hint: "name another destination, or let it be replaced: --overwrite",
    });
  }
  return { place: found.path, isMissing: true, isInTheWay: true };
}

/** A directory that is to be merged with one of that name, if there is one. */
function placeOfDirectory(path: string, overwrite: boolean): Omit<Placement, "place"> {
  let status: Stats;
  try {
    status = statSync(fsPath(path));
  } catch (error) {
    if (isErrno(error, "ENOENT", "ELOOP")) return { isMissing: true, isInTheWay: isThere(path) };
    throw toFileError(error, `look up ${displayName(path)}`);
  }
  if (status.isDirectory()) return { isMissing: false, isInTheWay: false };
  if (overwrite) return { isMissing: true, isInTheWay: true };
  throw new TsmanError("USAGE", `${displayName(path)} exists and is no directory`, {
    hint: "remove it first, or let it be replaced: --overwrite",
  });
}

function isThere(path: string): boolean {
  return lstatSync(fsPath(path), { throwIfNoEntry: false }) !== undefined;
}

/** symlink(7): as many as the kernel follows. */
const mostLinks = 40;

function placeOfMissing(destination: string, links = 0): string {
  const trimmed = destination.replace(/\/+(?:\.\/*)*$/, "");
  const slash = trimmed.lastIndexOf("/");
  const parentPath = slash <= 0 ? "/" : trimmed.slice(0, slash);
  const base = trimmed.slice(slash + 1);
  const parent = resolvePath(parentPath);
  if (parent === undefined || !parent.status.isDirectory()) {
    const why = parent === undefined ? "does not exist" : "is no directory";
    throw new TsmanError(
      "USAGE",
      `${displayName(destination)}: ${displayName(parentPath)} ${why}`,
      {
        hint: "make the directory first",
      },
    );
  }
  const place = `${parent.path === "/" ? "" : parent.path}/${base}`;
  const target = linkTarget(place);
  if (target === undefined) return place;
  if (links === mostLinks) {
    throw new TsmanError("USAGE", `${displayName(destination)}: too many symbolic links`);
  }
  return placeOfMissing(target.startsWith("/") ? target : `${parent.path}/${target}`, links + 1);
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(fsPath(path), { encoding: "latin1" });
  } catch (error) {
    if (isErrno(error, "ENOENT", "EINVAL")) return undefined;
    throw toFileError(error, `look up ${displayName(path)}`);
  }
}
