import type { RuntimeConfig } from "../../oci/runtime-config.ts";
import { refused } from "../../oci/runtime-config.ts";
import { keepGroupsAnnotation } from "../../oci/runtime-features.ts";
import type {
  Capabilities,
  LinuxSeccomp,
  Namespace,
  Process,
  RlimitName,
  RuntimeSpec,
} from "../../oci/runtime-spec.ts";
import type { Bundle, MapEntry, MappingFacts } from "../bundle.ts";
import { devSymlinks } from "../devices.ts";
import { sysctlPath } from "../sysctls.ts";
import { adoptCapabilities } from "./adopt-capabilities.ts";
import { adoptDevices } from "./adopt-devices.ts";
import { adoptMounts } from "./adopt-mounts.ts";
import { adoptResources } from "./adopt-resources.ts";

/** What the compilation of somebody else's config.json depends on besides it. */
export interface AdoptionFacts {
  /** Absolute path of the bundle's directory. */
  readonly bundleDir: string;
  /** Whether this host has the unified control group hierarchy. */
  readonly isUnified: boolean;
  /** Whether this process may make device nodes, and the container's are the host's own then. */
  readonly canMakeNodes: boolean;
  /** Capabilities that this process can give in its own user namespace. */
  readonly grantable: readonly string[];
  /** Whether it may make namespaces in that one: it has CAP_SYS_ADMIN. */
  readonly canMakeNamespaces: boolean;
  /** The setuid programs that write id maps; missing: they are written directly. */
  readonly mapTools?: MappingFacts["tools"];
  /** Whether an ordinary user maps nothing but its own id. */
  readonly mapsItself: boolean;
  /** Active security modules. */
  readonly securityModules: readonly string[];
  /** A device node of the host; undefined: it is none. */
  readonly nodeAt: (path: string) => HostNode | undefined;
  /** The maps of a user namespace, as this process sees them; undefined: nobody can tell. */
  readonly mapsOf: (path: string) => JoinedMaps | undefined;
}

/** stat(2) of a device. */
export interface HostNode {
  readonly major: number;
  readonly minor: number;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** user_namespaces(7) */
export interface JoinedMaps {
  readonly uid: readonly MapEntry[];
  readonly gid: readonly MapEntry[];
}

/** time_namespaces(7): the clocks of one. */
const hasOffset: readonly string[] = ["monotonic", "boottime"];

/** runc's and crun's. */
const defaultUmask = 0o022;

/**
 * Somebody else's config.json as the bundle that tsman's own containers are started from.  Pure.
 *
 * Hooks, scheduling and what else only such configurations have is compiled apart, from the
 * document itself (runtime/additions.ts).
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of what cannot be had here
 */
export function adoptConfig(config: RuntimeConfig, facts: AdoptionFacts): Bundle {
  refuseUnsupported(config, facts);
  const namespaces = adoptNamespaces(config);
  const { linux } = config;
  const isNew = (type: string): boolean =>
    namespaces.some((one) => one.type === type && one.path === undefined);
  const mapping = adoptMapping(config, facts);
  if (isNew("user") && (mapping.uid.length === 0 || mapping.gid.length === 0)) {
    const missing = mapping.uid.length === 0 ? "uidMappings" : "gidMappings";
    throw refused(`/linux/${missing}`, "missing, and a new user namespace needs it");
  }
  refuseOtherMaps(mapping, namespaces, facts);
  refuseTraceableHooks(config, namespaces);
  const { mounts, hasOwnDev, warnings } = adoptMounts(config, facts, isNew("cgroup"));
  const devices = adoptDevices(config, facts, { hasOwnDev, inUserNamespace: isNew("user") });
  const { process } = config;
  const isInOwn = !namespaces.some(({ type }) => type === "user");
  if (isInOwn) refuseUnmakeable(namespaces, facts);
  const granted = adoptCapabilities(process, isInOwn ? facts.grantable : undefined);
  const spec: RuntimeSpec = {
    ociVersion: config.ociVersion,
    root: { path: config.root.path, readonly: config.root.readonly ?? false },
    ...(config.hostname !== undefined && config.hostname !== "" && { hostname: config.hostname }),
    mounts,
    process: adoptProcess(process, granted.capabilities),
    annotations: config.annotations ?? {},
    linux: {
      namespaces,
      uidMappings: linux.uidMappings ?? [],
      gidMappings: linux.gidMappings ?? [],
      devices: [],
      sysctl: adoptSysctls(config, namespaces),
      maskedPaths: linux.maskedPaths ?? [],
      readonlyPaths: linux.readonlyPaths ?? [],
      // Of the old root, before it is left: what is mounted must never reach the host.
      rootfsPropagation: linux.rootfsPropagation?.endsWith("private") ? "rprivate" : "rslave",
      resources: adoptResources(config),
      ...(linux.seccomp !== undefined && { seccomp: adoptSeccomp(linux.seccomp) }),
    },
  };
  return {
    config: spec,
    baseMounts: mounts.length,
    origins: undefined,
    artefacts: [],
    user: processUser(process, config.annotations),
    createWorkdir: true,
    devices: devices.binds,
    nodes: devices.nodes,
    symlinks: hasOwnDev ? [] : devSymlinks,
    mapping,
    useInit: false,
    hasOwnKeyring: false,
    warnings: [...warnings, ...devices.warnings, ...granted.warnings],
  };
}

/**
 * `process.user` as the USER step takes it.
 *
 * @param annotations crun's for the caller's groups among them, which are kept instead of
 * `additionalGids` (crun(1), "Annotations"); Podman's `--group-add keep-groups` is made of it.
 */
export function processUser(
  process: RuntimeConfig["process"],
  annotations: RuntimeConfig["annotations"],
): Bundle["user"] {
  const { uid, gid, additionalGids } = process.user;
  return {
    spec: `${uid}:${gid}`,
    groups: (additionalGids ?? []).map(String),
    keepGroups: annotations?.[keepGroupsAnnotation] === "1",
    isExact: true,
  };
}

/** `process` in the form of tsman's own. */
function adoptProcess(process: RuntimeConfig["process"], capabilities: Capabilities): Process {
  const { user } = process;
  return {
    terminal: process.terminal ?? false,
    user: {
      uid: user.uid,
      gid: user.gid,
      additionalGids: user.additionalGids ?? [],
      username: "",
      umask: user.umask ?? defaultUmask,
    },
    args: process.args,
    env: process.env ?? [],
    cwd: process.cwd,
    capabilities,
    rlimits: adoptRlimits(process),
    noNewPrivileges: process.noNewPrivileges ?? false,
    ...(process.oomScoreAdj !== undefined && { oomScoreAdj: process.oomScoreAdj }),
  };
}

function adoptRlimits({ rlimits = [] }: RuntimeConfig["process"]): Process["rlimits"] {
  const seen = new Set<string>();
  return rlimits.map(({ type, soft, hard }, index) => {
    const pointer = `/process/rlimits/${index}`;
    if (seen.has(type)) throw refused(`${pointer}/type`, `${type} stands twice`);
    seen.add(type);
    const limit = (name: "soft" | "hard", value: number): number => {
      // RLIM_INFINITY, which a JavaScript number only comes close to.
      if (value >= 2 ** 63) return -1;
      if (Number.isSafeInteger(value)) return value;
      throw refused(`${pointer}/${name}`, "a number that cannot be kept exactly");
    };
    const limits = { soft: limit("soft", soft), hard: limit("hard", hard) };
    if (limits.hard !== -1 && (limits.soft === -1 || limits.soft > limits.hard)) {
      throw refused(`${pointer}/soft`, "above the hard limit");
    }
    return { type: type as RlimitName, ...limits };
  });
}

function adoptNamespaces({ linux, mounts }: RuntimeConfig): readonly Namespace[] {
  const seen = new Set<string>();
  const namespaces = (linux.namespaces ?? []).map((one, index): Namespace => {
    const pointer = `/linux/namespaces/${index}`;
    if (seen.has(one.type)) throw refused(pointer, `${one.type} stands twice`);
    seen.add(one.type);
    const type = one.type as Namespace["type"];
    if (one.path === undefined || one.path === "") return { type };
    if (!one.path.startsWith("/")) throw refused(`${pointer}/path`, "is no absolute path");
    return { type, path: one.path };
  });
  const mount = namespaces.find(({ type }) => type === "mount");
  if (mount === undefined) {
    throw refused("/linux/namespaces", "has no mount namespace, so the root could not be changed");
  }
  if (mount.path !== undefined && (mounts ?? []).length > 0) {
    throw refused("/mounts", "nothing can be mounted in a mount namespace that is joined");
  }
  return namespaces;
}

/** As native/plan-order.c has it: nobody may be there already who may trace them (CVE-2016-9962). */
function refuseTraceableHooks({ hooks }: RuntimeConfig, namespaces: readonly Namespace[]): void {
  if ((hooks?.createContainer ?? []).length === 0) return;
  const pid = namespaces.find(({ type }) => type === "pid");
  const joinsUser = namespaces.some(
    ({ type, path: joined }) => type === "user" && joined !== undefined,
  );
  if (pid?.path === undefined && (pid !== undefined || !joinsUser)) return;
  throw refused(
    "/hooks/createContainer",
    "would run where processes of others are that may trace it",
    "leave it out, or give the container a pid namespace of its own",
  );
}

function adoptMapping({ linux }: RuntimeConfig, facts: AdoptionFacts): MappingFacts {
  const entries = (list: RuntimeConfig["linux"]["uidMappings"]): MapEntry[] =>
    (list ?? []).map(({ containerID, hostID, size }) => ({
      inside: containerID,
      outside: hostID,
      count: size,
    }));
  const uid = entries(linux.uidMappings);
  const gid = entries(linux.gidMappings);
  return {
    uid,
    gid,
    tools: facts.mapTools,
    // user_namespaces(7): an ordinary user may map its own gid only without setgroups(2).
    denySetgroups: facts.mapsItself,
    single: uid.length === 1 && uid[0]?.count === 1,
    because: "/linux/uidMappings",
  };
}

/** Who writes the maps beside the namespace that has them, as Podman does, means these. */
function refuseOtherMaps(
  wanted: JoinedMaps,
  namespaces: readonly Namespace[],
  facts: AdoptionFacts,
): void {
  const joined = namespaces.find(({ type }) => type === "user")?.path;
  if (joined === undefined || wanted.uid.length + wanted.gid.length === 0) return;
  const maps = facts.mapsOf(joined);
  if (maps === undefined) return;
  for (const kind of ["uid", "gid"] as const) {
    if (wanted[kind].length === 0 || formatMap(wanted[kind]) === formatMap(maps[kind])) continue;
    throw refused(
      `/linux/${kind}Mappings`,
      `is not what ${joined} has, which is ${formatMap(maps[kind])}`,
      "leave it out: a namespace that is joined has its own",
    );
  }
}

/** `0:1000:1,1:100000:65536`: with as few ranges as can be, by their ids inside. */
function formatMap(entries: readonly MapEntry[]): string {
  const merged: MapEntry[] = [];
  for (const entry of entries.toSorted((a, b) => a.inside - b.inside)) {
    const last = merged.at(-1);
    const continues =
      last !== undefined &&
      last.inside + last.count === entry.inside &&
      last.outside + last.count === entry.outside;
    if (continues) merged.splice(-1, 1, { ...last, count: last.count + entry.count });
    else merged.push(entry);
  }
  return merged.map(({ inside, outside, count }) => `${inside}:${outside}:${count}`).join(",");
}

/** namespaces(7): all kinds but the user one take the capability where they are made. */
function refuseUnmakeable(namespaces: readonly Namespace[], facts: AdoptionFacts): void {
  const isMade = namespaces.some((one) => one.path === undefined);
  if (!isMade || facts.canMakeNamespaces) return;
  const remedy = "add one with its maps, as tsman-oci spec --rootless writes them";
  throw refused(
    "/linux/namespaces",
    `none is a user namespace, and CAP_SYS_ADMIN is missing: ${remedy}`,
  );
}

function adoptSysctls(
  { linux }: RuntimeConfig,
  namespaces: readonly Namespace[],
): Readonly<Record<string, string>> {
  const sysctls = linux.sysctl ?? {};
  const lacks = (type: Namespace["type"]): boolean => !namespaces.some((one) => one.type === type);
  // Of one that is joined they are not this container's to set.
  const user = !namespaces.some((one) => one.type === "user" && one.path === undefined);
  const shared = { ipc: lacks("ipc"), network: lacks("network"), uts: lacks("uts"), user };
  for (const [key, value] of Object.entries(sysctls)) {
    try {
      sysctlPath(key, value, shared);
    } catch (error) {
      const pointer = `/linux/sysctl/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const { message } = error as Error;
      throw refused(pointer, message.replace(`set --sysctl ${key}: `, ""));
    }
  }
  return sysctls;
}

function adoptSeccomp(seccomp: NonNullable<RuntimeConfig["linux"]["seccomp"]>): LinuxSeccomp {
  const { defaultErrnoRet, listenerPath = "", listenerMetadata } = seccomp;
  return {
    defaultAction: seccomp.defaultAction as LinuxSeccomp["defaultAction"],
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    flags: (seccomp.flags ?? []) as NonNullable<LinuxSeccomp["flags"]>,
    architectures: seccomp.architectures ?? [],
    syscalls: (seccomp.syscalls ?? []) as LinuxSeccomp["syscalls"],
    ...(listenerPath !== "" && { listenerPath }),
    ...(listenerMetadata !== undefined && { listenerMetadata }),
  };
}

/** What is in the specification and not in tsman, or not on this host. */
function refuseUnsupported(config: RuntimeConfig, facts: AdoptionFacts): void {
  const { linux, process } = config;
  const namespaces = linux.namespaces ?? [];
  const has = (type: string): boolean => namespaces.some((one) => one.type === type);
  if ((config.hostname ?? "") !== "" && !has("uts")) {
    throw refused("/hostname", "there is no uts namespace that it could be the name of");
  }
  if ((config.domainname ?? "") !== "" && !has("uts")) {
    throw refused("/domainname", "there is no uts namespace that it could be the name of");
  }
  if (linux.timeOffsets !== undefined && !has("time")) {
    throw refused("/linux/timeOffsets", "there is no time namespace that they could be for");
  }
  if (linux.timeOffsets !== undefined && namespaces.some((one) => one.type === "time" && one.path))
    throw refused("/linux/timeOffsets", "the time namespace is joined, and has its own");
  const clock = Object.keys(linux.timeOffsets ?? {}).find((name) => !hasOffset.includes(name));
  if (clock !== undefined) {
    throw refused(`/linux/timeOffsets/${clock}`, "only monotonic and boottime can be moved");
  }
  for (const name of ["intelRdt", "netDevices", "memoryPolicy"] as const) {
    if (linux[name] !== undefined) throw refused(`/linux/${name}`, "is not supported");
  }
  if (process.execCPUAffinity !== undefined) {
    throw refused("/process/execCPUAffinity", "is not supported");
  }
  if ((linux.mountLabel ?? "") !== "") {
    requireModule("selinux", "/linux/mountLabel", facts);
  }
  if ((process.selinuxLabel ?? "") !== "") {
    requireModule("selinux", "/process/selinuxLabel", facts);
  }
  if ((process.apparmorProfile ?? "") !== "") {
    requireModule("apparmor", "/process/apparmorProfile", facts);
  }
  if (linux.seccomp !== undefined) refuseSeccomp(linux.seccomp);
  if (Object.hasOwn(config.annotations ?? {}, "")) {
    throw refused("/annotations/", "an annotation without a name");
  }
}

function requireModule(name: string, pointer: string, facts: AdoptionFacts): void {
  if (facts.securityModules.includes(name)) return;
  throw refused(pointer, `the kernel has no ${name}`, "leave it out, or enable the module");
}

/** config-linux.md: "When the action doesn't support an errno, the runtime MUST print and error". */
function refuseErrno(action: string, errnoRet: number | undefined, pointer: string): void {
  if (errnoRet === undefined || ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"].includes(action)) return;
  throw refused(`/linux/seccomp/${pointer}`, `${action} returns no error number`);
}

function refuseSeccomp(seccomp: NonNullable<RuntimeConfig["linux"]["seccomp"]>): void {
  refuseErrno(seccomp.defaultAction, seccomp.defaultErrnoRet, "defaultErrnoRet");
  (seccomp.syscalls ?? []).forEach(({ action, errnoRet }, index) => {
    refuseErrno(action, errnoRet, `syscalls/${index}/errnoRet`);
  });
  const notifies = (seccomp.syscalls ?? []).findIndex(({ action }) => action === "SCMP_ACT_NOTIFY");
  const listener = seccomp.listenerPath ?? "";
  if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
    throw refused("/linux/seccomp/defaultAction", "SCMP_ACT_NOTIFY cannot be the default");
  }
  const sends = (seccomp.syscalls ?? []).findIndex(
    ({ action, names }) => action === "SCMP_ACT_NOTIFY" && names.includes("sendmsg"),
  );
  if (sends >= 0) {
    // Between the filter and the program, the listener's descriptor is sent.
    throw refused(`/linux/seccomp/syscalls/${sends}`, "sendmsg cannot be notified of");
  }
  if (notifies >= 0 && listener === "") {
    throw refused(
      `/linux/seccomp/syscalls/${notifies}/action`,
      "needs /linux/seccomp/listenerPath",
    );
  }
  if ((seccomp.listenerMetadata ?? "") !== "" && listener === "") {
    throw refused("/linux/seccomp/listenerMetadata", "needs /linux/seccomp/listenerPath");
  }
  if (listener !== "" && !listener.startsWith("/")) {
    throw refused("/linux/seccomp/listenerPath", "is no absolute path");
  }
}
