import { existsSync, lstatSync, readFileSync } from "node:fs";
import process from "node:process";
import { loginName } from "../platform/login-name.ts";
import type { GivenRanges } from "./add-range.ts";
import { readHostIds } from "./host-ids.ts";

/** The kernel's settings that decide about user namespaces; undefined: this kernel has no such. */
export interface UsernsFacts {
  /** /proc/sys/user/max_KIND_namespaces, by kind as in the file's name: user, mnt, pid, net … */
  readonly limits: Readonly<Record<string, number>>;
  /** kernel.unprivileged_userns_clone (Debian, Arch): 0 refuses ordinary users. */
  readonly unprivilegedUsernsClone: number | undefined;
  /** kernel.apparmor_restrict_unprivileged_userns (Ubuntu 23.10 and later): 1 refuses by profile. */
  readonly apparmorRestrict: number | undefined;
  /** The AppArmor profile that we run under, as /proc/self/attr/current names it; missing: none. */
  readonly apparmorLabel?: string | undefined;
  /** Whether the kernel was built with user namespaces. */
  readonly isSupported: boolean;
  readonly noNewPrivileges: boolean;
  /** Whether a seccomp filter is in force: a container or sandbox around us. */
  readonly isFiltered: boolean;
  /** Whether this looks like the inside of a Docker, Podman or other container. */
  readonly isInContainer: boolean;
  /** For commands that an administrator is to run. */
  readonly userName: string;
  readonly ranges: GivenRanges;
}

/** The kinds of namespaces that have a limit; namespaces(7). */
const kinds = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];

/** Reads {@link UsernsFacts}; what cannot be read counts as not there. */
export function readUsernsFacts(): UsernsFacts {
  const status = readText("/proc/self/status") ?? "";
  const limits: Record<string, number> = {};
  for (const kind of kinds) {
    const value = readNumber(`/proc/sys/user/max_${kind}_namespaces`);
    if (value !== undefined) limits[kind] = value;
  }
  return {
    limits,
    unprivilegedUsernsClone: readNumber("/proc/sys/kernel/unprivileged_userns_clone"),
    apparmorRestrict: readNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
    apparmorLabel: confinement(),
    isSupported: isThere("/proc/self/ns/user"),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    isFiltered: /^Seccomp:\s*2$/m.test(status),
    isInContainer: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    userName: loginName() ?? String(process.getuid?.()),
    ranges: readHostIds(),
  };
}

/** "unprivileged_userns (enforce)" → "unprivileged_userns"; undefined also where other modules answer. */
function confinement(): string | undefined {
  const [, label] =
    /^(\S+) \((?:enforce|complain|kill)\)/.exec(readText("/proc/self/attr/current") ?? "") ?? [];
  return label;
}

function isThere(file: string): boolean {
  try {
    lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

function readNumber(file: string): number | undefined {
  const text = readText(file)?.trim();
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
