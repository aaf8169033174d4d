import path from "node:path";
import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import {
  type Capabilities,
  type LinuxSeccomp,
  type Mount,
  mountOption,
  type Namespace,
  type NamespaceType,
  type RuntimeSpec,
  runtimeSpecVersion,
} from "../oci/runtime-spec.ts";
import type { Artefact, Bundle, BundleRequest, MapEntry } from "./bundle.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { type ResolvedUser, resolveCommand, resolveUser, resolveWorkdir } from "./command.ts";
import { isAtOrBelow, pathDepth } from "./container-path.ts";
import { defaultMounts, type ReasonedMount } from "./default-mounts.ts";
import { devSymlinks, resolveDevices, standardDevices } from "./devices.ts";
import { resolveEnvironment } from "./environment.ts";
import { resolveHostname } from "./hostname.ts";
import { resolveGuardedPaths } from "./masked-paths.ts";
import { Origins, pointerSegment } from "./origins.ts";
import { resolveRlimits } from "./rlimits.ts";
import { defaultProfile } from "./seccomp/default-profile.ts";
import { resolveProfile } from "./seccomp/resolve-profile.ts";
import { sysctlPath } from "./sysctls.ts";
import { userMounts } from "./user-mounts.ts";

/**
 * Compiles what the user and the image ask for into an OCI runtime configuration.  Pure: all that
 * depends on the host comes in `request`.
 *
 * @throws TsmanError USAGE with the option's name for everything that cannot be meant
 */
export function compileBundle(request: BundleRequest): Bundle {
  const { options, host, mapping } = request;
  const image = request.image?.config;
  const origins = new Origins();
  const warnings: string[] = [];

  checkJoins(options, request);
  const hostname = resolveHostname(options, request.id, host, request.join?.hostname);
  const command = resolveCommand(options, image);
  const workdir = resolveWorkdir(options.workdir, image?.workingDir ?? "");
  const user = resolveUser(options, image?.user ?? "", { uid: host.uid, gid: host.gid });
  const environment = resolveEnvironment(options, image?.env ?? [], hostname.name);
  const bounding = resolveCapabilities({
    add: options.capAdd,
    drop: options.capDrop,
    privileged: options.privileged,
    lastCapability: host.lastCapability,
  });
  const asked = userMounts(options, image?.volumes ?? [], request.volumes);
  const hasOwnDev = asked.some((mount) => mount.destination === "/dev");
  const { devices, warnings: deviceWarnings } = resolveDevices(options, host, !hasOwnDev);
  warnings.push(...deviceWarnings);
  warnings.push(...userWarnings(user, options, request));
  warnings.push(...securityWarnings(options, host.securityModules));
  const guarded = resolveGuardedPaths(
    options.security,
    options.privileged,
    host.thermalThrottlePaths,
  );

  origins.note("/process/args", command.because);
  origins.note("/process/cwd", workdir.because);
  origins.note("/process/user", user.because);
  origins.note("/process/terminal", options.tty ? "-t" : "default");
  origins.note("/process/user/umask", options.umask === undefined ? "default" : "--umask");
  origins.note("/process/capabilities", capabilityOrigin(options));
  origins.note("/process/noNewPrivileges", "--security-opt no-new-privileges");
  origins.note("/process/oomScoreAdj", "--oom-score-adj");
  origins.note("/hostname", hostname.because);
  origins.note("/root/readonly", options.readOnly ? "--read-only" : "default");
  origins.note("/root", options.rootfs === undefined ? "image" : "--rootfs");
  origins.note("/linux/uidMappings", mapping.because);
  origins.note("/linux/gidMappings", mapping.because);
  environment.forEach((variable, index) => {
    origins.note(`/process/env/${index}`, variable.because);
  });

  const base = baseMounts(defaultMounts(options, mapping, host), asked);
  const others = asked.filter((one) => !base.some((two) => two.destination === one.destination));
  const mounts = [
    ...base,
    ...byDepth([...others, ...readOnlyTmpfs(options, asked), ...fileMounts(request, asked)]),
  ];
  const sysctls = resolveSysctls(options, mapping.gid);
  const seccomp = resolveSeccomp(request, bounding);
  origins.note("/linux/seccomp", seccomp.because);
  origins.note("/linux/rootfsPropagation", "default");
  guarded.masked.forEach((one, index) => {
    origins.note(`/linux/maskedPaths/${index}`, one.because);
  });
  guarded.readonly.forEach((one, index) => {
    origins.note(`/linux/readonlyPaths/${index}`, one.because);
  });
  for (const [key, { because }] of Object.entries(sysctls)) {
    origins.note(`/linux/sysctl/${pointerSegment(key)}`, because);
  }
  devices.forEach((device) => {
    origins.note(`/devices/${pointerSegment(device.path)}`, device.because);
  });

  const config: RuntimeSpec = {
    ociVersion: runtimeSpecVersion,
    root: { path: request.rootPath, readonly: options.readOnly },
    ...(hostname.isSet ? { hostname: hostname.name } : {}),
    mounts: origins.list<Mount>("/mounts", mounts),
    process: {
      terminal: options.tty,
      user: {
        ...(user.uid === undefined ? {} : { uid: user.uid }),
        ...(user.gid === undefined ? {} : { gid: user.gid }),
        username: user.spec,
        umask: options.umask ?? 0o022,
      },
      args: command.args,
      env: environment.map(({ name, value }) => `${name}=${value}`),
      cwd: workdir.path,
      capabilities: capabilitySets(bounding, user),
      rlimits: origins.list("/process/rlimits", resolveRlimits(options.ulimits, host)),
      noNewPrivileges: options.security.noNewPrivileges,
      ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: oomScore(options.oomScoreAdj) }),
    },
    annotations: options.annotations,
    linux: {
      namespaces: origins.list<Namespace>("/linux/namespaces", namespaces(request)),
      uidMappings: mapping.uid.map(toOciMapping),
      gidMappings: mapping.gid.map(toOciMapping),
      devices: hasOwnDev ? [] : standardDevices,
      sysctl: Object.fromEntries(Object.entries(sysctls).map(([key, { value }]) => [key, value])),
      maskedPaths: guarded.masked.map((one) => one.path),
      readonlyPaths: guarded.readonly.map((one) => one.path),
      rootfsPropagation: wantsPropagation(asked) ? "rslave" : "rprivate",
      ...(seccomp.filter === undefined ? {} : { seccomp: seccomp.filter }),
    },
  };
  return {
    config,
    baseMounts: base.length,
    origins: origins.entries,
    artefacts: artefacts(request, hostname.name),
    user: { spec: user.spec, groups: user.groups, keepGroups: user.keepGroups },
    createWorkdir: workdir.create,
    devices: devices.map(({ hostPath, path: target }) => ({ hostPath, path: target })),
    symlinks: hasOwnDev ? [] : devSymlinks,
    mapping,
    useInit: options.init,
    warnings,
  };
}

function toOciMapping(entry: MapEntry): { containerID: number; hostID: number; size: number } {
  return { containerID: entry.inside, hostID: entry.outside, size: entry.count };
}

const joinableOptions = ["pid", "ipc", "uts", "network"] as const;

/** All `container:NAME` modes must name one container: a process has one user namespace. */
function checkJoins(options: ContainerOptions, request: BundleRequest): void {
  const names = new Set<string>();
  for (const option of joinableOptions) {
    const asked = options[option];
    if (asked.mode === "container") names.add(asked.container);
  }
  if (names.size > 1) {
    throw new TsmanError(
      "USAGE",
      `join namespaces of ${[...names].join(" and ")}: they are in different user namespaces`,
      { hint: "name the same container in all container:NAME options" },
    );
  }
  if (names.size === 1 && request.join === undefined) {
    throw new TsmanError("INTERNAL", `join namespaces of ${[...names][0]}: it was not looked up`);
  }
  if (names.size === 1 && options.userns.mode !== "default") {
    throw new TsmanError(
      "USAGE",
      `use --userns ${options.userns.mode}: the user namespace is that of ${[...names][0]}`,
      { hint: "leave out --userns, or join no other container" },
    );
  }
}

function namespaces(request: BundleRequest): (Namespace & { because: string })[] {
  const { options, join } = request;
  const joined = (type: NamespaceType, because: string): Namespace & { because: string } => ({
    type,
    path: `/proc/${join?.pid}/ns/${type === "network" ? "net" : type}`,
    because,
  });
  const found: (Namespace & { because: string })[] = [];
  const user = joinableOptions
    .map((option) => ({ option, asked: options[option] }))
    .find(({ asked }) => asked.mode === "container");
  if (user?.asked.mode === "container") {
    found.push(joined("user", `--${user.option} container:${user.asked.container}`));
  } else {
    const { mode } = options.userns;
    found.push({ type: "user", because: mode === "default" ? "default" : `--userns ${mode}` });
  }
  found.push({ type: "mount", because: "default" });
  for (const type of joinableOptions) {
    const asked = options[type];
    if (asked.mode === "host") continue;
    if (asked.mode === "container") {
      found.push(joined(type, `--${type} container:${asked.container}`));
    } else {
      const isDefault = asked.mode === "private" || asked.mode === "slirp4netns";
      found.push({ type, because: isDefault ? "default" : `--${type} ${asked.mode}` });
    }
  }
  found.push({ type: "cgroup", because: "default" });
  return found;
}

function capabilityOrigin(options: ContainerOptions): string {
  const parts = [
    ...(options.privileged ? ["--privileged"] : []),
    ...(options.capAdd.length > 0 ? [`--cap-add ${options.capAdd.join(",")}`] : []),
    ...(options.capDrop.length > 0 ? [`--cap-drop ${options.capDrop.join(",")}`] : []),
  ];
  return parts.length === 0 ? "default" : parts.join(" ");
}

/** Inheritable is always empty (S19), and so is ambient, which the kernel ties to it. */
function capabilitySets(bounding: readonly string[], user: ResolvedUser): Capabilities {
  // The kernel clears both when another uid takes over: capabilities(7), "Effect of user ID changes".
  const held = user.uid === undefined || user.uid === 0 ? bounding : [];
  return { bounding, effective: held, permitted: held, inheritable: [], ambient: [] };
}

/**
 * The default mounts, each replaced by the user's on the same target; what lies below a target of
 * the user goes away, as in Podman.
 */
function baseMounts(
  defaults: readonly ReasonedMount[],
  asked: readonly ReasonedMount[],
): ReasonedMount[] {
  return defaults.flatMap((mount) => {
    const own = asked.find((one) => one.destination === mount.destination);
    if (own !== undefined) return [{ ...own, options: [...own.options, mountOption.nosymlink] }];
    // The terminal comes from the container's own devpts, whatever is on /dev.
    if (mount.destination === "/dev/pts") return [mount];
    return asked.some((one) => isAtOrBelow(mount.destination, one.destination)) ? [] : [mount];
  });
}

/** Parents before what is in them; among equals the order of asking. */
function byDepth(mounts: readonly ReasonedMount[]): ReasonedMount[] {
  return mounts.toSorted((a, b) => pathDepth(a.destination) - pathDepth(b.destination));
}

function readOnlyTmpfs(
  options: ContainerOptions,
  asked: readonly ReasonedMount[],
): ReasonedMount[] {
  if (!options.readOnly || !options.readOnlyTmpfs) return [];
  return ["/run", "/tmp", "/var/tmp"]
    .filter((target) => !asked.some((one) => one.destination === target))
    .map((destination) => ({
      destination,
      type: "tmpfs",
      source: "tmpfs",
      options: ["rw", "nosuid", "nodev", "tmpcopyup"],
      because: "--read-only",
    }));
}

/** Names of the artefacts in the container's directory. */
const artefactNames = {
  hosts: "hosts",
  resolvConf: "resolv.conf",
  hostname: "hostname",
  containerenv: "containerenv",
} as const;

/** /etc/hosts and its like: files of the container's directory, bound one by one. */
function fileMounts(request: BundleRequest, asked: readonly ReasonedMount[]): ReasonedMount[] {
  const { options, network, join } = request;
  const joinsNetwork = options.network.mode === "container";
  const own = (name: string): string => path.join(request.dir, name);
  const access = options.readOnly ? ["ro", "nosuid", "noexec", "nodev"] : [];
  const candidates: { destination: string; source: string | undefined; because: string }[] = [
    {
      destination: "/etc/hosts",
      source: joinsNetwork
        ? join?.hostsPath
        : network.hosts === undefined
          ? undefined
          : own(artefactNames.hosts),
      because: options.addHosts.length > 0 ? "default and --add-host" : "default",
    },
    {
      destination: "/etc/resolv.conf",
      source: joinsNetwork
        ? join?.resolvConfPath
        : network.resolvConf === undefined
          ? undefined
          : own(artefactNames.resolvConf),
      because:
        options.dns.length + options.dnsSearch.length + options.dnsOptions.length > 0
          ? "--dns"
          : "default",
    },
    { destination: "/etc/hostname", source: own(artefactNames.hostname), because: "default" },
    {
      destination: "/run/.containerenv",
      source: own(artefactNames.containerenv),
      because: "default",
    },
  ];
  const files = candidates.flatMap(({ destination, source, because }) =>
    source === undefined
      ? []
      : [{ destination, type: "bind", source, options: ["bind", "rprivate", ...access], because }],
  );
  return [...files, ...timeZoneMount(options)].filter(
    (mount) => !asked.some((one) => one.destination === mount.destination),
  );
}

/** `--tz`: the host's description of the zone over the image's /etc/localtime. */
function timeZoneMount(options: ContainerOptions): ReasonedMount[] {
  const { tz } = options;
  if (tz === undefined) return [];
  const isName = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/.test(tz);
  if (!isName) {
    throw new TsmanError("USAGE", `use --tz ${JSON.stringify(tz)}: not the name of a time zone`, {
      hint: "write a name such as Europe/Vienna, or local",
    });
  }
  return [
    {
      destination: "/etc/localtime",
      type: "bind",
      source: tz === "local" ? "/etc/localtime" : `/usr/share/zoneinfo/${tz}`,
      options: ["bind", "rprivate", "ro", "nosuid", "noexec", "nodev"],
      because: `--tz ${tz}`,
    },
  ];
}

function artefacts(request: BundleRequest, hostname: string): Artefact[] {
  const { network } = request;
  const sharesFiles = request.options.network.mode === "container";
  return [
    ...(network.hosts === undefined || sharesFiles
      ? []
      : [{ name: artefactNames.hosts, content: network.hosts }]),
    ...(network.resolvConf === undefined || sharesFiles
      ? []
      : [{ name: artefactNames.resolvConf, content: network.resolvConf }]),
    { name: artefactNames.hostname, content: `${hostname}\n` },
    { name: artefactNames.containerenv, content: containerenv(request) },
  ];
}

/** /run/.containerenv: programs look whether it exists; as in Podman only --privileged says more. */
function containerenv(request: BundleRequest): string {
  if (!request.options.privileged) return "";
  const quote = (text: string): string => `"${text.replaceAll(/["\\\n]/g, "_")}"`;
  return [
    'engine="tsman"',
    `name=${quote(request.name)}`,
    `id=${quote(request.id)}`,
    `image=${quote(request.imageName ?? "")}`,
    `imageid=${quote(request.imageId ?? "")}`,
    "rootless=1",
    "",
  ].join("\n");
}

function wantsPropagation(mounts: readonly ReasonedMount[]): boolean {
  return mounts.some((mount) =>
    mount.options.some((option) => /^r?(?:shared|slave)$/.test(option)),
  );
}

/** Lets every group of the container ping without a capability, as Podman's default. */
const pingRange = "net.ipv4.ping_group_range";

function resolveSysctls(
  options: ContainerOptions,
  gids: readonly MapEntry[],
): Record<string, { value: string; because: string }> {
  const shared = {
    ipc: options.ipc.mode !== "private",
    network: options.network.mode === "host" || options.network.mode === "container",
    uts: options.uts.mode !== "private",
  };
  const found: Record<string, { value: string; because: string }> = {};
  const hasGroupZero = gids.some((entry) => entry.inside === 0);
  if (!shared.network && hasGroupZero) found[pingRange] = { value: "0 0", because: "default" };
  for (const [key, value] of Object.entries(options.sysctls)) {
    const name = sysctlPath(key, value, shared).replaceAll("/", ".");
    found[key.includes("/") ? key : name] = { value, because: `--sysctl ${key}` };
  }
  return found;
}

function resolveSeccomp(
  request: BundleRequest,
  capabilities: readonly string[],
): { filter?: LinuxSeccomp; because: string } {
  const { options } = request;
  const asked = options.security.seccomp;
  if (asked === "unconfined") return { because: "--security-opt seccomp=unconfined" };
  if (options.privileged && asked === "default") return { because: "--privileged: no filter" };
  const target = {
    capabilities,
    architecture: request.architecture,
    kernelRelease: request.kernelRelease,
  };
  if (asked === "default") {
    return { filter: resolveProfile(defaultProfile, target), because: "default" };
  }
  if (request.seccompProfile === undefined) {
    throw new TsmanError("INTERNAL", `use --security-opt seccomp=${asked}: it was not read`);
  }
  return {
    filter: resolveProfile(request.seccompProfile, target),
    because: `--security-opt seccomp=${asked}`,
  };
}

function oomScore(value: number): number {
  if (Number.isInteger(value) && value >= -1000 && value <= 1000) return value;
  throw new TsmanError("USAGE", `use --oom-score-adj ${value}: not from -1000 to 1000`);
}

function userWarnings(
  user: ResolvedUser,
  options: ContainerOptions,
  request: BundleRequest,
): string[] {
  const warnings: string[] = [];
  const isMapped = (id: number, entries: readonly MapEntry[]): boolean =>
    entries.some((entry) => id >= entry.inside && id < entry.inside + entry.count);
  if (user.uid !== undefined && !isMapped(user.uid, request.mapping.uid)) {
    throw new TsmanError("USAGE", `use ${user.because}: uid ${user.uid} is not mapped`, {
      hint: request.mapping.single
        ? "this container has one id only: give yourself subordinate ids (tsman doctor says how)"
        : "use an id of the mapping that --explain prints",
    });
  }
  if (user.gid !== undefined && !isMapped(user.gid, request.mapping.gid)) {
    throw new TsmanError("USAGE", `use ${user.because}: gid ${user.gid} is not mapped`, {
      hint: request.mapping.single
        ? "this container has one id only: give yourself subordinate ids (tsman doctor says how)"
        : "use an id of the mapping that --explain prints",
    });
  }
  if (user.uid !== undefined && user.uid !== 0 && options.capAdd.length > 0) {
    warnings.push(
      `--cap-add ${options.capAdd.join(",")}: user ${user.spec} gets it from programs with file ` +
        "capabilities only, because nothing is inheritable",
    );
  }
  if (options.privileged) {
    warnings.push(
      "--privileged: all capabilities of the user namespace, nothing masked, no system call filter",
    );
  }
  return warnings;
}

/** A label or profile that would be needed and is not applied is refused, never ignored (S33). */
function securityWarnings(options: ContainerOptions, modules: readonly string[]): string[] {
  const warnings: string[] = [];
  const { apparmor, labels } = options.security;
  if (apparmor !== undefined && apparmor !== "unconfined") {
    if (modules.includes("apparmor")) {
      throw new TsmanError(
        "OPTION_UNSUPPORTED",
        `use --security-opt apparmor=${apparmor}: an ordinary user cannot load a profile`,
        { hint: "leave it out, or write apparmor=unconfined" },
      );
    }
    warnings.push(`--security-opt apparmor=${apparmor}: this kernel has no AppArmor`);
  }
  const wanted = labels.filter((label) => label !== "disable" && label !== "nested");
  if (wanted.length > 0) {
    if (modules.includes("selinux")) {
      throw new TsmanError(
        "OPTION_UNSUPPORTED",
        `use --security-opt label=${wanted[0]}: tsman sets no SELinux labels`,
        { hint: "write label=disable" },
      );
    }
    warnings.push(`--security-opt label=${wanted.join(",")}: this kernel has no SELinux`);
  }
  return warnings;
}
