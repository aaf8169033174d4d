import { readNumber, readText } from "./read-text.ts";

/** Kernel settings that decide what a rootless container can do. */
export interface SysctlFacts {
  /** user.max_user_namespaces: 0 forbids them; user_namespaces(7). */
  readonly maxUserNamespaces: number | undefined;
  /** kernel.unprivileged_userns_clone: Debian's and Arch's switch. */
  readonly unprivilegedUsernsClone: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns: Ubuntu 23.10 and later. */
  readonly apparmorRestrictUserns: number | undefined;
  /** net.ipv4.ip_unprivileged_port_start. */
  readonly unprivilegedPortStart: number;
  /** net.ipv4.ping_group_range, low and high gid. */
  readonly pingGroupRange: readonly [number, number] | undefined;
}

/** Reads them from /proc/sys. */
export function readSysctlFacts(): SysctlFacts {
  const ping = readText("/proc/sys/net/ipv4/ping_group_range")?.split(/\s+/).map(Number);
  return {
    maxUserNamespaces: readNumber("/proc/sys/user/max_user_namespaces"),
    unprivilegedUsernsClone: readNumber("/proc/sys/kernel/unprivileged_userns_clone"),
    apparmorRestrictUserns: readNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    unprivilegedPortStart: readNumber("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? 1024,
    pingGroupRange:
      ping?.[0] !== undefined && ping[1] !== undefined ? [ping[0], ping[1]] : undefined,
  };
}
