import { check, libc } from "./binding.ts";

/** ioctl_ns(2). */
const namespaceRequests = { owner: 0xb701, parent: 0xb702 } as const;
const getOwnerUid = 0xb704;

/**
 * ioctl_ns(2): a descriptor of the user namespace that owns the namespace behind `fd`, or of the
 * parent of a user or pid namespace.
 *
 * @returns undefined when there is none, or it is out of the caller's sight.
 */
export function relatedNamespace(
  fd: number,
  relation: keyof typeof namespaceRequests,
): number | undefined {
  const related = libc().ioctl(fd, namespaceRequests[relation], new Uint32Array(1));
  return related < 0 ? undefined : related;
}

/** ioctl_ns(2): uid of whoever made the user namespace behind `fd`. */
export function namespaceCreator(fd: number): number {
  const uid = new Uint32Array(1);
  check(libc().ioctl(fd, getOwnerUid, uid), "ioctl NS_GET_OWNER_UID", `descriptor ${fd}`);
  return uid[0] ?? 0;
}
