import { readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
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

/** What FUSE serves for another machine; its programs name themselves in mountinfo. */
const networkFuse =
  /^fuse\.(?:sshfs|glusterfs|cephfs|davfs2?|s3fs|rclone|juicefs|mfs|lizardfs|curlftpfs|gvfsd-fuse|goofys|gcsfuse|blobfuse2?|smbnetfs|afpfs|vmhgfs-fuse|ltfs|beegfs.*)$/;

const fuseMagic = 0x65735546;

/**
 * The type of the file system under `path`, e.g. `ext4`, `nfs`, `fuse.sshfs` or `0x1234`.
 *
 * @throws Node's system error when `path` does not exist.
 */
export function filesystemType(path: string): string {
  return typeName(statfsSync(path).type >>> 0, () => fuseType(path));
}

/**
 * The name of a magic number.
 *
 * @param fuse the name behind FUSE's, asked for only then; undefined: nobody knows.
 */
export function typeName(magic: number, fuse: () => string | undefined): string {
  const known = networkMagics.get(magic) ?? localMagics.get(magic) ?? `0x${magic.toString(16)}`;
  return magic === fuseMagic ? (fuse() ?? known) : known;
}

/** Whether a {@link filesystemType} is that of a network file system. */
export function isNetworkType(type: string): boolean {
  return networkNames.has(type) || networkFuse.test(type);
}

const networkNames: ReadonlySet<string> = new Set(networkMagics.values());

/**
 * Whether `path`, or the nearest directory above it that exists, lies on a network file system:
 * there SQLite's WAL has no shared memory between hosts, subordinate ids are unknown to the server,
 * and overlay upper directories are refused.
 */
export function isNetworkFilesystem(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    try {
      return isNetworkType(filesystemType(at));
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES") || at === dirname(at)) return false;
    }
  }
}

/** proc_pid_mountinfo(5): of the mount with the device number of `path`. */
function fuseType(path: string): string | undefined {
  const { dev } = statSync(path);
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  return mountedType(readFileSync("/proc/self/mountinfo", "utf8"), device);
}

/** The type of what is mounted from a device, `MAJOR:MINOR`. */
export function mountedType(mountinfo: string, device: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const fields = line.split(" ");
    if (fields[2] === device) return fields[fields.indexOf("-", 6) + 1];
  }
  return undefined;
}
