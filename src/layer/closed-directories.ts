import { existsSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import { installationDir, nodeProgram } from "../platform/native.ts";
import type { CoveredDirectory, IdMapEntry, UsernsMaps } from "../platform/userns.ts";

/** What of the installation the unpack worker reads; `src` when running from sources. */
const parts = ["package.json", "dist", "node_modules", "src"];

/**
 * The directories on the way to the unpack worker's program that ids of this mapping may not enter,
 * and what the worker needs of each.  None where the caller is mapped: root of the namespace has
 * the caller's rights then.  Root's installation in /root, and `--userns=nomap` with one in a home
 * of mode 0700, are what this is for.
 */
export function closedDirectories(mapping: UsernsMaps): CoveredDirectory[] {
  const installation = installationDir();
  const needed = [nodeProgram(), ...parts.map((part) => path.join(installation, part))];
  // As somebody's dependency: npm puts ours beside us.
  const beside = path.dirname(installation);
  if (path.basename(beside) === "node_modules") needed.push(beside);
  const covered = new Map<string, string[]>();
  for (const each of needed.filter((one) => existsSync(one)).map((one) => realpathSync(one))) {
    const directory = closedAncestor(each, mapping);
    if (directory === undefined) continue;
    const exposed = covered.get(directory) ?? [];
    const isShown = exposed.some((other) => each === other || each.startsWith(`${other}/`));
    if (!isShown) covered.set(directory, [...exposed, each]);
  }
  return [...covered].map(([directory, exposed]) => ({
    directory,
    // A directory before what is in it, which would else be hidden by it.
    exposed: exposed.toSorted((one, other) => one.length - other.length),
  }));
}

/** The topmost directory on the way to a file that the mapped ids may not enter. */
function closedAncestor(file: string, mapping: UsernsMaps): string | undefined {
  const parent = path.dirname(file);
  if (parent === file) return undefined;
  return closedAncestor(parent, mapping) ?? (mayEnter(parent, mapping) ? undefined : parent);
}

function mayEnter(directory: string, { uid, gid }: UsernsMaps): boolean {
  const status = statSync(directory);
  // capabilities(7): root of a namespace has power over files whose owner and group are mapped.
  const isOwn = isMapped(status.uid, uid) && isMapped(status.gid, gid);
  return isOwn || (status.mode & 0o001) !== 0;
}

function isMapped(id: number, entries: readonly IdMapEntry[]): boolean {
  return entries.some(({ outside, count }) => id >= outside && id < outside + count);
}
