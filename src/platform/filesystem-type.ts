import { statfsSync } from "node:fs";
import { isErrno } from "./errno.ts";

/** Magic numbers of statfs(2), linux/magic.h and the file systems' own headers. */
const networkMagics: ReadonlyMap<number, string> = new Map([
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x517b, "smb"],
  [0x564c, "ncp"],
  [0x73757245, "coda"],
  [0x5346414f, "afs"],
  [0x6b414653, "afs"],
  [0x01021997, "9p"],
  [0x00c36400, "ceph"],
  [0x0bd00bd0, "lustre"],
  [0x19830326, "beegfs"],
  [0x47504653, "gpfs"],
  [0xaad7aaea, "panfs"],
  [0x7461636f, "ocfs2"],
  [0x01161970, "gfs2"],
  [0xbacbacbc, "vmhgfs"],
]);

/** Names of the local file systems that matter to a store; others are shown as hexadecimal. */
const localMagics: ReadonlyMap<number, string> = new Map([
  [0xef53, "ext4"],
  [0x58465342, "xfs"],
  [0x9123683e, "btrfs"],
  [0x01021994, "tmpfs"],
  [0x794c7630, "overlay"],
  [0x65735546, "fuse"],
  [0x2fc12fc1, "zfs"],
  [0xf15f, "ecryptfs"],
  [0xf2f52010, "f2fs"],
  [0xca451a4e, "bcachefs"],
]);

/**
 * The type of the file system under `path`, e.g. `ext4`, `nfs` or `0x1234`.
 *
 * @throws Node's system error when `path` does not exist.
 */
export function filesystemType(path: string): string {
  const magic = statfsSync(path).type >>> 0;
  return networkMagics.get(magic) ?? localMagics.get(magic) ?? `0x${magic.toString(16)}`;
}

/**
 * Whether `path` lies on a network file system: there SQLite's WAL has no shared memory between
 * hosts, subordinate ids are unknown to the server, and overlay upper directories are refused.
 * False for a path that does not exist yet.
 */
export function isNetworkFilesystem(path: string): boolean {
  try {
    return networkMagics.has(statfsSync(path).type >>> 0);
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}
