import { lstatSync } from "node:fs";
import process from "node:process";
import { utimensat } from "../platform/libc/times.ts";
import { llistxattr } from "../platform/libc/xattrs.ts";
import { isKeptXattr, trueOwnerXattr } from "./worker/xattr-policy.ts";

/**
 * Gives the root directory of a layer, which is only implied, the attributes of the root below it,
 * where that takes no worker.  Archives of layers rarely list their root, so that mostly both are
 * alike from the beginning.
 *
 * Neither path is one that an image could change: what it puts anywhere is below them.
 *
 * @param targetDir the unpacked layer
 * @param lowerDir the complete layer right below it
 * @returns false: nothing was done, and it takes a worker.
 */
export function inheritRoot(targetDir: string, lowerDir: string): boolean {
  const own = lstatSync(targetDir, { bigint: true });
  const { uid, gid, mode, mtimeNs } = lstatSync(lowerDir, { bigint: true });
  if (own.uid !== uid || own.gid !== gid || own.mode !== mode) return false;
  const names = llistxattr(Buffer.from(lowerDir));
  if (names.some((name) => name === trueOwnerXattr || isKeptXattr(name))) return false;
  if (own.mtimeNs === mtimeNs) return true;
  if (own.uid !== BigInt(process.getuid?.() ?? -1)) return false;
  // Rounded down: nanoseconds count from the second before, also before 1970.
  const nsec = ((mtimeNs % second) + second) % second;
  const mtime = { sec: (mtimeNs - nsec) / second, nsec: Number(nsec) };
  utimensat(Buffer.from(targetDir), mtime, mtime);
  return true;
}

const second = 1_000_000_000n;
