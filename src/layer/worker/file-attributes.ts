import { chmodSync, fchmodSync, fchownSync, futimesSync, lchownSync, lutimesSync } from "node:fs";
import { isErrno } from "../../platform/errno.ts";
import { utimensat } from "../../platform/libc/times.ts";
import { lsetxattr } from "../../platform/libc/xattrs.ts";
import { fsPath } from "./entry-name.ts";
import type { EntryTime } from "./layer-entry.ts";
import type { WrittenOwner } from "./owner-policy.ts";
import { trueOwnerXattr } from "./xattr-policy.ts";

/** What a file has besides its content and name. */
export interface FileAttributes {
  readonly owner: WrittenOwner;
  readonly mtime: EntryTime;
  /** By name; undefined: none. */
  readonly xattrs: ReadonlyMap<string, Buffer> | undefined;
}

/** What could not be kept, for the result. */
export interface Losses {
  droppedXattrs: number;
  lostOwners: number;
}

const specialBits = 0o7000;

/*
 * Order of everything below: owner, mode, extended attributes, times.  chown(2) clears setuid,
 * setgid and security.capability; a chmod after an ACL would change the ACL's mask; times are last
 * because everything before touches them on some file system.
 *
 * Files are made by root of the user namespace with umask 0 and their permission bits (see
 * main.ts), so nothing needs to be said where owner is 0:0 and no special bit is set.
 */

/** A regular file, open for writing as `fd`, made with the permission bits of its mode. */
export function writeFileAttributes(
  fd: number,
  path: string,
  attributes: FileAttributes,
  losses: Losses,
): void {
  const { uid, gid, mode } = attributes.owner;
  if (uid !== 0 || gid !== 0) fchownSync(fd, uid, gid);
  if ((mode & specialBits) !== 0) fchmodSync(fd, mode);
  writeXattrs(path, attributes, losses);
  const { mtime } = attributes;
  if (isExactInNode(mtime)) futimesSync(fd, mtime.sec, mtime.sec);
  else utimensat(bytes(path), mtime, mtime);
}

/** A symbolic link: it has no mode, and takes no `user.*` attributes (xattr(7)). */
export function writeLinkAttributes(
  path: string,
  attributes: FileAttributes,
  losses: Losses,
): void {
  const { uid, gid, lost } = attributes.owner;
  if (uid !== 0 || gid !== 0) lchownSync(fsPath(path), uid, gid);
  if (lost !== undefined) losses.lostOwners += 1;
  losses.droppedXattrs += attributes.xattrs?.size ?? 0;
  writeTimes(path, attributes.mtime);
}

/** A fifo, made with the permission bits of its mode; it takes no `user.*` attributes either. */
export function writeFifoAttributes(
  path: string,
  attributes: FileAttributes,
  losses: Losses,
): void {
  const { mode } = attributes.owner;
  writeLinkAttributes(path, attributes, losses);
  if ((mode & specialBits) !== 0) {
    chmodSync(fsPath(path), mode);
    writeTimes(path, attributes.mtime);
  }
}

/** A directory, made 0700: the layer is complete below it, so that nothing touches it again. */
export function writeDirectoryAttributes(
  path: string,
  attributes: FileAttributes,
  losses: Losses,
): void {
  const { uid, gid, mode } = attributes.owner;
  if (uid !== 0 || gid !== 0) lchownSync(fsPath(path), uid, gid);
  chmodSync(fsPath(path), mode);
  writeXattrs(path, attributes, losses);
  writeTimes(path, attributes.mtime);
}

/** Node's seconds are doubles, exact for whole seconds only, and it takes a negative one for now. */
function isExactInNode({ sec, nsec }: EntryTime): boolean {
  return nsec === 0 && sec >= 0;
}

function writeTimes(path: string, mtime: EntryTime): void {
  if (isExactInNode(mtime)) lutimesSync(fsPath(path), mtime.sec, mtime.sec);
  else utimensat(bytes(path), mtime, mtime);
}

function writeXattrs(path: string, attributes: FileAttributes, losses: Losses): void {
  const { lost } = attributes.owner;
  if (lost !== undefined) {
    losses.lostOwners += 1;
    writeXattr(path, trueOwnerXattr, Buffer.from(lost), losses);
  }
  if (attributes.xattrs === undefined) return;
  for (const [name, value] of attributes.xattrs) writeXattr(path, name, value, losses);
}

/** Above this, ENOSPC is ext4's "does not fit into the inode's one attribute block". */
const smallXattr = 1024;

/**
 * Sets one attribute.  What the file system, the kernel or our privileges do not allow is counted
 * and left out: an image must still be usable there (a file capability in a nested namespace, an
 * ACL with unmapped ids, attributes on a tmpfs before Linux 6.6).
 */
function writeXattr(path: string, name: string, value: Buffer, losses: Losses): void {
  try {
    lsetxattr(bytes(path), name, value);
  } catch (error) {
    const isTooLong = value.length > smallXattr && isErrno(error, "ENOSPC", "EDQUOT");
    if (!isTooLong && !isErrno(error, ...tolerated)) throw error;
    losses.droppedXattrs += 1;
  }
}

const tolerated = ["ENOTSUP", "EOPNOTSUPP", "EPERM", "EINVAL", "E2BIG", "ERANGE"];

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}
