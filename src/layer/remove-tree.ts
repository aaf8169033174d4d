import { lstatSync } from "node:fs";
import path from "node:path";
import { TsmanError } from "../errors/index.ts";
import { isErrno, toFileError } from "../platform/errno.ts";
import type { FileLock } from "../platform/file-lock.ts";
import { nativeProgram } from "../platform/native.ts";
import { type ProgramResult, runProgram } from "../platform/process.ts";
import { type UsernsMaps, usernsArguments } from "../platform/userns.ts";

/** A tree of a million files on a slow disk; not for ever, should a file system hang. */
const timeoutMs = 15 * 60 * 1000;

/**
 * Removes a directory with everything in it, whoever the files belong to; one that is not there is
 * fine.  Links are removed, not followed.
 *
 * The native program does it as the caller first, which is enough for root, for one-id mappings and
 * for whatever tsman itself wrote; what belongs to subordinate ids takes root of a user namespace
 * with `mapping`.
 *
 * @param lock under which nobody else is at it: also when this process is killed, and the native
 * program goes on.
 * @throws TsmanError when something is left, naming it
 */
export async function removeTree(
  directory: string,
  mapping: UsernsMaps,
  lock?: FileLock,
): Promise<void> {
  // A relative or rewritten path here would be a disaster, so none is taken.
  if (!path.isAbsolute(directory) || path.normalize(directory) !== directory) {
    throw new TsmanError("INTERNAL", `remove ${directory}: not an absolute path`);
  }
  if (!exists(directory)) return;
  const removal = [nativeProgram(), "rmtree", directory] as const;
  const options = { timeoutMs, inherited: lock === undefined ? [] : [lock.fd] };
  const asCaller = await runProgram(removal[0], removal.slice(1), options);
  if (asCaller.status === 0 || !exists(directory)) return;
  const inside = usernsArguments(mapping, removal, false);
  const asRoot = await runProgram(nativeProgram(), inside, options);
  if (asRoot.status === 0 || !exists(directory)) return;
  throw new TsmanError("PREFLIGHT_STORAGE", `remove ${directory}: ${complaintOf(asRoot)}`, {
    hint: "if the subordinate ids of your user have changed since, remove it as root",
    details: { path: directory },
  });
}

function exists(directory: string): boolean {
  try {
    lstatSync(directory);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw toFileError(error, `remove ${directory}`);
  }
}

function complaintOf({ status, signal, stderr }: ProgramResult): string {
  const text = stderr.toString("utf8").trim().slice(-500);
  if (text !== "") return text;
  return signal === null ? `status ${status}` : `ended by ${signal}`;
}
