import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { formatPlatform, type Platform, platformServes } from "../oci/platform.ts";
import {
  type Capabilities,
  type LinuxSeccomp,
  type Mount,
  type Namespace,
  type RuntimeSpec,
  runtimeSpecVersion,
} from "../oci/runtime-spec.ts";
import { accountForms, hostUserLines } from "./accounts.ts";
import type { Bundle, BundleRequest, MapEntry } from "./bundle.ts";
import { resolveCapabilities } from "./capabilities.ts";
import { type ResolvedUser, resolveCommand, resolveUser, resolveWorkdir } from "./command.ts";
import { devSymlinks, mountTableLink, resolveDevices, standardDevices } from "./devices.ts";
import { resolveEnvironment } from "./environment.ts";
import { artefacts } from "./file-mounts.ts";
import { resolveHostname } from "./hostname.ts";
import { resolveGuardedPaths } from "./masked-paths.ts";
import { resolveMounts } from "./mounts.ts";
import { checkJoins, isJoined, resolveNamespaces } from "./namespaces.ts";
import { Origins, pointerSegment } from "./origins.ts";
import { resolveRlimits } from "./rlimits.ts";
import { defaultProfile } from "./seccomp/default-profile.ts";
import { resolveProfile } from "./seccomp/resolve-profile.ts";
import { apparmorProfile, securityWarnings, userWarnings } from "./security-notes.ts";
import { disableUserns, resolveSysctls } from "./sysctls.ts";
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
  const user = resolveUser(options, image?.user ?? "", host);
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
  warnings.push(...platformWarnings(request));
  warnings.push(...userWarnings(user, options, request));
  warnings.push(...securityWarnings(options, host.securityModules));
  const profile = apparmorProfile(options, host.securityModules);
  origins.note("/process/apparmorProfile", "--security-opt apparmor");
  const guarded = resolveGuardedPaths(
    options.security,
    options.privileged,
    host.thermalThrottlePaths,
  );

  origins.note("/process/args", command.because);
  origins.note("/process/cwd", workdir.because);
  origins.note("/process/user", userOrigin(user, options));
  origins.note("/process/terminal", options.tty ? "-t" : "default");
  origins.note("/process/user/umask", options.umask === undefined ? "default" : "--umask");
  origins.note("/process/capabilities", capabilityOrigin(options));
  origins.note(
    "/process/noNewPrivileges",
    options.security.noNewPrivileges ? "--security-opt no-new-privileges" : "default",
  );
  origins.note("/process/oomScoreAdj", "--oom-score-adj");
  origins.note("/linux/personality", "--personality");
  origins.note("/hostname", hostname.because);
  origins.note("/root/readonly", options.readOnly ? "--read-only" : "default");
  origins.note("/root", options.rootfs === undefined ? "image" : "--rootfs");
  origins.note("/linux/uidMappings", mapping.because);
  origins.note("/linux/gidMappings", mapping.because);
  environment.forEach((variable, index) => {
    origins.note(`/process/env/${index}`, variable.because);
  });

  const { base, others, propagation } = resolveMounts(request, asked);
  const sysctls = {
    ...resolveSysctls(options, mapping.gid, host.canMountProc),
    ...disableUserns(options, bounding),
  };
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
    mounts: origins.list<Mount>("/mounts", [...base, ...others]),
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
      ...(profile === undefined ? {} : { apparmorProfile: profile }),
      ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: oomScore(options.oomScoreAdj) }),
    },
    annotations: options.annotations,
    linux: {
      namespaces: origins.list<Namespace>("/linux/namespaces", resolveNamespaces(request)),
      uidMappings: mapping.uid.map(toOciMapping),
      gidMappings: mapping.gid.map(toOciMapping),
      devices: hasOwnDev ? [] : standardDevices,
      sysctl: Object.fromEntries(Object.entries(sysctls).map(([key, { value }]) => [key, value])),
      maskedPaths: guarded.masked.map((one) => one.path),
      readonlyPaths: guarded.readonly.map((one) => one.path),
      rootfsPropagation: propagation,
      ...(seccomp.filter === undefined ? {} : { seccomp: seccomp.filter }),
      ...(request.resources === undefined ? {} : { resources: request.resources }),
      ...(options.personality === undefined
        ? {}
        : { personality: { domain: options.personality } }),
    },
  };
  return {
    config,
    baseMounts: base.length,
    origins: origins.entries,
    artefacts: artefacts(request, hostname.name),
    user: {
      spec: user.spec,
      groups: user.groups,
      keepGroups: user.keepGroups,
      entryName: user.entryName,
      ...accountForms(options.accounts),
    },
    ...hostUserLines(request, workdir.path, asked),
    createWorkdir: workdir.create,
    devices: devices.map(({ hostPath, path: target }) => ({ hostPath, path: target })),
    symlinks: [...(hasOwnDev ? [] : devSymlinks), mountTableLink],
    mapping,
    ...(isJoined(options) ? { joinOwner: request.join } : {}),
    useInit: options.init,
    hasOwnKeyring: !host.isFiltered,
    warnings,
  };
}

/** An image that was once fetched for another machine is what its name means from then on. */
function platformWarnings({ image, imageName, options, architecture }: BundleRequest): string[] {
  const host: Platform = { os: "linux", architecture };
  if (image === undefined || options.platform !== undefined) return [];
  // Of a processor's variants this process knows nothing.
  if (platformServes({ os: image.os, architecture: image.architecture }, host)) return [];
  return [
    `image ${imageName} is for ${formatPlatform(image)}, this machine is ${formatPlatform(host)} ` +
      "(--platform chooses, --pull always fetches it again)",
  ];
}

function toOciMapping(entry: MapEntry): { containerID: number; hostID: number; size: number } {
  return { containerID: entry.inside, hostID: entry.outside, size: entry.count };
}

function userOrigin(user: ResolvedUser, options: ContainerOptions): string {
  if (options.groupAdd.length === 0) return user.because;
  return user.because === "default" ? "--group-add" : `${user.because} and --group-add`;
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
    because: asked === "image" ? "--seccomp-policy image" : `--security-opt seccomp=${asked}`,
  };
}

function oomScore(value: number): number {
  if (Number.isInteger(value) && value >= -1000 && value <= 1000) return value;
  throw new TsmanError("USAGE", `use --oom-score-adj ${value}: not from -1000 to 1000`);
}
