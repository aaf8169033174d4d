import path from "node:path";
import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import type { LinuxDevice } from "../oci/runtime-spec.ts";
import type { DeviceBind, HostFacts } from "./bundle.ts";
import { mountTarget } from "./container-path.ts";

/** A device of the container and what asked for it. */
export interface ReasonedDevice extends DeviceBind {
  readonly because: string;
}

/** The nodes that every container has: runtime-spec/config-linux.md, "Default Devices". */
export const standardDevices: readonly LinuxDevice[] = [
  { path: "/dev/null", type: "c", major: 1, minor: 3 },
  { path: "/dev/zero", type: "c", major: 1, minor: 5 },
  { path: "/dev/full", type: "c", major: 1, minor: 7 },
  { path: "/dev/random", type: "c", major: 1, minor: 8 },
  { path: "/dev/urandom", type: "c", major: 1, minor: 9 },
  { path: "/dev/tty", type: "c", major: 5, minor: 0 },
];

/** runtime-spec/runtime-linux.md, "Dev symbolic links", and the two that runc adds. */
export const devSymlinks: readonly { readonly target: string; readonly path: string }[] = [
  { target: "/proc/self/fd", path: "/dev/fd" },
  { target: "/proc/self/fd/0", path: "/dev/stdin" },
  { target: "/proc/self/fd/1", path: "/dev/stdout" },
  { target: "/proc/self/fd/2", path: "/dev/stderr" },
  { target: "/proc/kcore", path: "/dev/core" },
  { target: "pts/ptmx", path: "/dev/ptmx" },
];

/** Where older programs look for what is mounted: mount(8), "/etc/mtab". */
export const mountTableLink = { target: "/proc/mounts", path: "/etc/mtab", ifMissing: true };

/** Names in /dev that are the container's own, whatever the host has there. */
const ownNames: ReadonlySet<string> = new Set([
  ...standardDevices.map((device) => device.path),
  ...devSymlinks.map((link) => link.path),
  "/dev/console",
]);

/** Devices of the host that a container gets, and what about them does not hold. */
export interface ResolvedDevices {
  readonly devices: readonly ReasonedDevice[];
  readonly warnings: readonly string[];
}

/**
 * The standard nodes, those of `--device` (a directory stands for all nodes in it) and, with
 * `--privileged`, all that the caller may open.
 *
 * @param hasStandard False when the user mounted something on /dev itself.
 * @throws TsmanError USAGE when a host path is no device or a target is no place for one
 */
export function resolveDevices(
  options: Pick<ContainerOptions, "devices" | "privileged">,
  host: Pick<HostFacts, "reachableDevices" | "deviceNodes">,
  hasStandard: boolean,
): ResolvedDevices {
  const devices = new Map<string, ReasonedDevice>();
  const warnings: string[] = [];
  if (hasStandard) {
    for (const { path: node } of standardDevices) {
      devices.set(node, { hostPath: node, path: node, because: "default" });
    }
  }
  if (options.privileged && hasStandard) {
    for (const node of host.reachableDevices) {
      if (!ownNames.has(node)) {
        devices.set(node, { hostPath: node, path: node, because: "--privileged" });
      }
    }
  }
  for (const request of options.devices) {
    const because = `--device ${request.hostPath}`;
    const nodes = host.deviceNodes[request.hostPath] ?? [];
    if (nodes.length === 0) {
      throw new TsmanError("USAGE", `use ${because}: not a device, and no directory with devices`, {
        hint: "give the path of a device node of this host",
      });
    }
    if (!/^[rwm]*$/.test(request.permissions)) {
      throw new TsmanError(
        "USAGE",
        `use ${because}: permissions ${JSON.stringify(request.permissions)} are not of r, w and m`,
      );
    }
    if (request.permissions !== "" && !/(?=.*r)(?=.*w)/.test(request.permissions)) {
      warnings.push(
        `${because}: permissions "${request.permissions}" are not enforced, the file's own are ` +
          "(an ordinary user cannot restrict devices further)",
      );
    }
    const target = mountTarget(request.containerPath, because);
    for (const node of nodes) {
      const to = path.posix.join(target, node);
      devices.set(to, { hostPath: path.posix.join(request.hostPath, node), path: to, because });
    }
  }
  return { devices: [...devices.values()], warnings };
}
