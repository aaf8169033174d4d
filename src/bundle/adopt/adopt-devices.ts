import { type RuntimeConfig, refused } from "../../oci/runtime-config.ts";
import type { DeviceBind, DeviceNode } from "../bundle.ts";
import { cleanContainerPath } from "../container-path.ts";
import { devSymlinks, standardDevices } from "../devices.ts";
import type { AdoptionFacts, HostNode } from "./adoption-facts.ts";

type DeviceConfig = NonNullable<RuntimeConfig["linux"]["devices"]>[number];

/** Devices of a container: nodes of the host that are bound, and nodes that are made. */
export interface AdoptedDevices {
  readonly binds: readonly DeviceBind[];
  readonly nodes: readonly DeviceNode[];
  readonly warnings: readonly string[];
}

/**
 * The default devices of the specification, and those of the configuration.
 *
 * @param place whether the container's /dev is its own, and whether its user namespace is.
 * @throws TsmanError CONFIG_INVALID with the JSON pointer of a device that cannot be had
 */
export function adoptDevices(
  { linux }: RuntimeConfig,
  facts: AdoptionFacts,
  place: { readonly hasOwnDev: boolean; readonly inUserNamespace: boolean },
): AdoptedDevices {
  // runc as well: a /dev of the host is left as it is.
  if (place.hasOwnDev) return { binds: [], nodes: [], warnings: [] };
  const binds = new Map<string, DeviceBind>();
  const nodes: DeviceNode[] = [];
  const warnings: string[] = [];
  const canMake = facts.canMakeNodes && !place.inUserNamespace;
  for (const { path } of standardDevices) binds.set(path, { hostPath: path, path });
  (linux.devices ?? []).forEach((device, index) => {
    const pointer = `/linux/devices/${index}`;
    const path = cleanContainerPath(device.path);
    // A link to that of the container's own devpts, whatever a caller has found on the host.
    if (devSymlinks.some((link) => link.path === path)) return;
    const { major, minor } = device;
    if (device.type !== "p" && (major === undefined || minor === undefined)) {
      throw refused(`${pointer}/${major === undefined ? "major" : "minor"}`, "missing");
    }
    const standard = standardDevices.find((one) => one.path === path);
    if (canMake || device.type === "p") {
      binds.delete(path);
      nodes.push({
        path,
        type: device.type as DeviceNode["type"],
        major: major ?? 0,
        minor: minor ?? 0,
        mode: (device.fileMode ?? 0o666) & 0o7777,
        uid: device.uid ?? 0,
        gid: device.gid ?? 0,
      });
      return;
    }
    const found = facts.nodeAt(path);
    if (found !== undefined) warnings.push(...differences(device, found, pointer));
    if (standard?.major === major && standard?.minor === minor && device.type !== "b") return;
    if (found === undefined || found.major !== major || found.minor !== minor) {
      throw refused(
        pointer,
        `the host has no such device at ${path}`,
        "in a user namespace no device can be made: only what the host has under the same name can be used",
      );
    }
    binds.set(path, { hostPath: path, path });
  });
  return { binds: [...binds.values()], nodes, warnings };
}

/** What is the host's own node stays as it is. */
function differences(
  { fileMode, uid = 0, gid = 0 }: DeviceConfig,
  host: HostNode,
  pointer: string,
): readonly string[] {
  const said: string[] = [];
  const mode = host.mode.toString(8).padStart(4, "0");
  if (fileMode !== undefined && (fileMode & 0o7777) !== host.mode) {
    said.push(`${pointer}/fileMode: has no effect on a device of the host, whose mode is ${mode}`);
  }
  // 0 is what is written where nothing is meant.
  if (uid !== 0 && uid !== host.uid) {
    said.push(`${pointer}/uid: has no effect on a device of the host, of uid ${host.uid}`);
  }
  if (gid !== 0 && gid !== host.gid) {
    said.push(`${pointer}/gid: has no effect on a device of the host, of gid ${host.gid}`);
  }
  return said;
}
