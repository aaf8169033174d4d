import { chmodSync, lstatSync, mkdirSync, readdirSync, type Stats } from "node:fs";
import path from "node:path";
import process from "node:process";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";

const othersBits = 0o077;

/**
 * Makes sure that `directory` is there and ours alone: a real directory, owned by the caller, mode
 * 0700.  Unpacked images hold programs that are setuid *the caller*, and sockets through which the
 * caller's containers are ruled: no other user may get there (security cases S43, S94).
 *
 * A missing one is made, parents too (0700, as the XDG base directory specification asks), whatever
 * the umask; one that is still empty is closed to others; any other fault is refused, not repaired.
 *
 * @param what what it is, for messages, e.g. `store`.
 * @param override the option that chooses another, for the hint.
 * @throws TsmanError PREFLIGHT_STORAGE, DISK_FULL
 */
export function ensurePrivateDirectory(directory: string, what: string, override: string): void {
  const stat = findDirectory(directory, what) ?? makeDirectory(directory, what);
  const refuse = (why: string, hint: string): TsmanError =>
    new TsmanError("PREFLIGHT_STORAGE", `use ${what} ${directory}: ${why}`, {
      hint,
      details: { path: directory },
    });
  if (stat.isSymbolicLink()) {
    throw refuse("a symbolic link", `name the directory itself with ${override}`);
  }
  if (!stat.isDirectory()) throw refuse("not a directory", `choose another with ${override}`);
  if (stat.uid !== process.geteuid?.()) {
    throw refuse(
      `owned by uid ${stat.uid}, not by you (${process.geteuid?.()})`,
      `choose one of your own with ${override}`,
    );
  }
  if ((stat.mode & othersBits) === 0) return;
  if (readdirSync(directory).length > 0) {
    throw refuse(
      `open to other users (mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`,
      `make sure that nobody has tampered with it, then: chmod 700 ${directory}`,
    );
  }
  chmodSync(directory, 0o700);
}

function findDirectory(directory: string, what: string): Stats | undefined {
  try {
    return lstatSync(directory);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw toFileError(error, `use ${what} ${directory}`);
  }
}

function makeDirectory(directory: string, what: string): Stats {
  try {
    const isOurs = makeWithParents(directory);
    const stat = lstatSync(directory);
    // A umask may have taken bits of ours; another process may have been faster.
    if (isOurs && (stat.mode & 0o700) !== 0o700) chmodSync(directory, 0o700);
    return stat;
  } catch (error) {
    throw toFileError(error, `make ${what} ${directory}`);
  }
}

/**
 * Whether it was made rather than there.  Node's recursive mkdir tries for ever where the kernel
 * says ENOENT though the parent exists, as below /proc.
 */
function makeWithParents(directory: string): boolean {
  try {
    return makeOne(directory);
  } catch (error) {
    const parent = path.dirname(directory);
    if (!isErrno(error, "ENOENT") || parent === directory) throw error;
    makeWithParents(parent);
    return makeOne(directory);
  }
}

function makeOne(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}
