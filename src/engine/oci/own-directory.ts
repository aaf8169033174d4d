import { lstatSync, type Stats } from "node:fs";
import process from "node:process";
import { TsmanError } from "../../errors/index.ts";
import { toFileError } from "../../platform/errno.ts";

// What is in these directories is obeyed: hooks are run, processes ended, groups removed.  So nobody
// else may write there (security case S94).  Who owns the directories above is not asked: a caller
// that is root of a user namespace sees those of the host's root as nobody's (user_namespaces(7)).

/** Write permission of group and others. */
const othersWrite = 0o022;

/**
 * Makes sure that a directory is nobody's but the caller's to write to.
 *
 * @param what what it is, for messages: `directory of containers`
 * @param remedy what to do where it is not.
 * @returns false when it is missing.
 * @throws TsmanError PREFLIGHT_STORAGE
 */
export function assertOwnDirectory(directory: string, what: string, remedy: string): boolean {
  const stat = findEntry(directory, what);
  if (stat === undefined) return false;
  const why = whyForeign(stat);
  if (why === undefined) return true;
  throw new TsmanError("PREFLIGHT_STORAGE", `use ${what} ${directory}: ${why}`, {
    hint: remedy,
    details: { path: directory },
  });
}

/** Whether a directory is there, and nobody's but the caller's to write to. */
export function isOwnDirectory(directory: string): boolean {
  const stat = lstatSync(directory, { throwIfNoEntry: false });
  return stat !== undefined && whyForeign(stat) === undefined;
}

function findEntry(directory: string, what: string): Stats | undefined {
  try {
    return lstatSync(directory, { throwIfNoEntry: false });
  } catch (error) {
    throw toFileError(error, `use ${what} ${directory}`);
  }
}

function whyForeign(stat: Stats): string | undefined {
  if (stat.isSymbolicLink()) return "a symbolic link";
  if (!stat.isDirectory()) return "not a directory";
  const caller = process.geteuid?.();
  if (stat.uid !== caller) return `owned by uid ${stat.uid}, not by you (${caller})`;
  if ((stat.mode & othersWrite) === 0) return undefined;
  return `others may write to it (mode ${(stat.mode & 0o7777).toString(8).padStart(4, "0")})`;
}
