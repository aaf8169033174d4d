/** GNU tar's, star's and Go's way to put an extended attribute into a PAX header. */
export const xattrRecordPrefix = "SCHILY.xattr.";

/** Where {@link import("./owner-policy.ts")} writes an owner that the id mapping lacks. */
export const trueOwnerXattr = "user.tsman.owner";

/** What tells the kernel's overlay (mounted `userxattr`) that a directory hides lower ones. */
export const opaqueXattr = "user.overlay.opaque";

/**
 * Attributes with which an archive could forge the state of overlay, fuse-overlayfs,
 * containers/storage or tsman itself: opaque, redirect, metacopy, overridden owners (case S44).
 */
const forgeable = ["user.overlay.", "user.fuseoverlayfs.", "user.containers.", "user.tsman."];

/**
 * Whether an attribute of an archive is kept: users' own, file capabilities and ACLs.  Everything
 * else is the host's business (`trusted.*`, labels and hashes in `security.*`) and is dropped.
 */
export function isKeptXattr(name: string): boolean {
  if (name.startsWith("user.")) {
    return name.length > "user.".length && !forgeable.some((prefix) => name.startsWith(prefix));
  }
  return (
    name === "security.capability" ||
    name === "system.posix_acl_access" ||
    name === "system.posix_acl_default"
  );
}
