import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { MapEntry } from "./bundle.ts";
import { askedJoins } from "./joins.ts";

/** Namespace that a key belongs to; only keys of a namespace of the container may be set. */
type SysctlNamespace = "ipc" | "network" | "uts" | "user";

const limited = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];

/** The only keys outside of `net.` and `fs.mqueue.` that are namespaced: runc's, and namespaces(7)'s. */
const exactKeys: ReadonlyMap<string, SysctlNamespace> = new Map([
  ["kernel.msgmax", "ipc"],
  ["kernel.msgmnb", "ipc"],
  ["kernel.msgmni", "ipc"],
  ["kernel.sem", "ipc"],
  ["kernel.shmall", "ipc"],
  ["kernel.shmmax", "ipc"],
  ["kernel.shmmni", "ipc"],
  ["kernel.shm_rmid_forced", "ipc"],
  ["kernel.domainname", "uts"],
  ...limited.map((kind) => [`user.max_${kind}_namespaces`, "user"] as const),
]);

const keyPattern = /^[a-z0-9_]+(?:[./][A-Za-z0-9_-]+)+$/;
/** No `+`, `=`, newline: an engine that splits values must not see another key (S31). */
const valuePattern = /^[A-Za-z0-9_.,:\t -]{1,256}$/;

/** A setting and what asked for it. */
export interface ReasonedSysctl {
  readonly value: string;
  readonly because: string;
}

/** Lets every group of the container ping without a capability, as Podman's default. */
const pingRange = "net.ipv4.ping_group_range";

/**
 * The settings of a container, by key; throws as {@link sysctlPath}.
 *
 * @param hasOwnProc False when /proc is that of an outer container, where /proc/sys is read-only:
 * what only a default asks for is left out then.
 */
export function resolveSysctls(
  options: ContainerOptions,
  gids: readonly MapEntry[],
  hasOwnProc: boolean,
): Record<string, ReasonedSysctl> {
  const shared = {
    ipc: options.ipc.mode !== "private",
    network: ["host", "container", "path"].includes(options.network.mode),
    uts: options.uts.mode !== "private",
    // It comes with any of them.
    user: askedJoins(options).length > 0,
  };
  const found: Record<string, ReasonedSysctl> = {};
  const hasGroupZero = gids.some((entry) => entry.inside === 0);
  if (!shared.network && hasGroupZero && hasOwnProc)
    found[pingRange] = { value: "0 0", because: "default" };
  for (const [key, value] of Object.entries(options.sysctls)) {
    const name = sysctlPath(key, value, shared).replaceAll("/", ".");
    found[key.includes("/") ? key : name] = { value, because: `--sysctl ${key}` };
  }
  return found;
}

/**
 * `--disable-userns`: user_namespaces(7), a way to much of the kernel that system call filters and
 * capabilities keep shut.
 *
 * @throws TsmanError USAGE where root of the container could take it back, or the user namespace is
 * another container's
 */
export function disableUserns(
  options: ContainerOptions,
  bounding: readonly string[],
): Record<string, ReasonedSysctl> {
  if (options.disableUserns !== true) return {};
  const subject = "use --disable-userns";
  if (askedJoins(options).length > 0) {
    throw new TsmanError("USAGE", `${subject}: the user namespace is another container's`, {
      hint: "start that one with --disable-userns",
    });
  }
  if (bounding.includes("CAP_SYS_RESOURCE")) {
    throw new TsmanError("USAGE", `${subject}: with CAP_SYS_RESOURCE it could be taken back`, {
      hint: "leave out --privileged, or add --cap-drop sys_resource",
    });
  }
  const key = "user.max_user_namespaces";
  const asked = Object.entries(options.sysctls).find(
    ([name, value]) => name.replaceAll("/", ".") === key && value !== "0",
  );
  if (asked !== undefined) {
    const why = `--sysctl ${asked.join("=")} allows them`;
    throw new TsmanError("USAGE", `${subject}: ${why}`, { hint: "leave out one of the two" });
  }
  return { [key]: { value: "0", because: "--disable-userns" } };
}

/** Which namespaces the container shares with the host. */
export interface SharedNamespaces {
  readonly ipc: boolean;
  readonly network: boolean;
  readonly uts: boolean;
  readonly user: boolean;
}

/**
 * Checks `--sysctl KEY=VALUE`.
 *
 * @returns The key's path below /proc/sys, e.g. `net/ipv4/ip_forward`.
 * @throws TsmanError USAGE as {@link sysctlFault}
 */
export function sysctlPath(key: string, value: string, shared: SharedNamespaces): string {
  const fault = sysctlFault(key, value, shared);
  if (fault === undefined) return pathOf(key);
  const { why, notOwn, hint } = fault;
  const options =
    notOwn === "user"
      ? "leave out container:NAME"
      : `leave out --${notOwn} host, container:NAME or ns:PATH`;
  throw new TsmanError("USAGE", `set --sysctl ${key}: ${why}`, {
    hint: notOwn === undefined ? hint : options,
  });
}

/** Why a setting cannot be one of a container's own. */
export interface SysctlFault {
  readonly why: string;
  readonly hint?: string;
  /** The namespace that it is of, and that the container shares. */
  readonly notOwn?: SysctlNamespace;
}

/**
 * What is wrong with a setting: a key that is not namespaced, belongs to a shared namespace, or a
 * value with characters that no such setting has; undefined: nothing.
 */
export function sysctlFault(
  key: string,
  value: string,
  shared: SharedNamespaces,
): SysctlFault | undefined {
  if (!keyPattern.test(key)) return { why: "not a key such as net.ipv4.ip_forward" };
  if (!valuePattern.test(value)) {
    return {
      why: `value ${JSON.stringify(value)} holds a character that no setting has`,
      hint: "use letters, digits, blanks and '_', '.', ',', ':', '-'",
    };
  }
  const notOwn = namespaceOf(pathOf(key).replaceAll("/", "."));
  if (notOwn === undefined) {
    const keys = [...exactKeys.keys()].join(", ");
    return {
      why: "not a setting of a namespace",
      hint: `only net.*, fs.mqueue.* and ${keys} can be set per container`,
    };
  }
  if (!shared[notOwn]) return undefined;
  return { why: `the ${notOwn} namespace is not the container's`, notOwn };
}

/** sysctl(8): in a key with slashes dots are part of a name (net/ipv4/conf/eth0.1/mtu). */
function pathOf(key: string): string {
  return key.includes("/") ? key : key.replaceAll(".", "/");
}

function namespaceOf(key: string): SysctlNamespace | undefined {
  if (key.startsWith("net.")) return "network";
  if (key.startsWith("fs.mqueue.")) return "ipc";
  return exactKeys.get(key);
}
