import type { DeviceRule, ResourcesConfig, RuntimeConfig } from "../../oci/runtime-config.ts";
import { refused } from "../../oci/runtime-config.ts";
import type { LinuxResources } from "../../oci/runtime-spec.ts";
import { cleanContainerPath } from "../container-path.ts";
import type { AdoptionFacts } from "./adoption-facts.ts";

/**
 * `linux.resources` as tsman's control groups take it; what only version 1 of control groups had is
 * refused unless it asks for nothing.
 *
 * @throws TsmanError CONFIG_INVALID
 */
export function adoptResources({ linux: { resources } }: RuntimeConfig): LinuxResources {
  if (resources === undefined) return {};
  return limitsOf(resources, "/linux/resources");
}

/**
 * The limits of a document such as `linux.resources`, or what `update` reads.
 *
 * @param pointer of the document, for messages.
 * @throws TsmanError CONFIG_INVALID
 */
export function limitsOf(resources: ResourcesConfig, pointer: string): LinuxResources {
  const { memory, cpu, pids, blockIO, hugepageLimits } = resources;
  for (const [member, value] of [
    ["memory/kernel", memory?.kernel],
    ["memory/kernelTCP", memory?.kernelTCP],
    ["memory/swappiness", memory?.swappiness],
    ["memory/disableOOMKiller", memory?.disableOOMKiller],
    ["cpu/realtimeRuntime", cpu?.realtimeRuntime],
    ["cpu/realtimePeriod", cpu?.realtimePeriod],
    ["blockIO/leafWeight", blockIO?.leafWeight],
    ...(blockIO?.weightDevice ?? []).map(
      ({ leafWeight }, index) => [`blockIO/weightDevice/${index}/leafWeight`, leafWeight] as const,
    ),
    ["network", resources.network],
  ] as const) {
    if (!asksForNothing(value)) {
      throw refused(`${pointer}/${member}`, "version 2 of control groups has nothing like it");
    }
  }
  return withoutMissing({
    memory: memory && withoutZeros(pick(memory, ["limit", "reservation", "swap"])),
    cpu:
      cpu &&
      withoutMissing(pick(cpu, ["shares", "quota", "burst", "period", "cpus", "mems", "idle"])),
    pids,
    blockIO:
      blockIO &&
      withoutMissing(
        pick(blockIO, [
          "weight",
          "weightDevice",
          "throttleReadBpsDevice",
          "throttleWriteBpsDevice",
          "throttleReadIOPSDevice",
          "throttleWriteIOPSDevice",
        ]),
      ),
    hugepageLimits,
    unified: withRdma(resources, pointer),
  }) as LinuxResources;
}

/** `linux.resources.rdma` in the words of its file (cgroup-v2.rst, "RDMA"), before `unified`. */
function withRdma(
  { rdma = {}, unified }: ResourcesConfig,
  pointer: string,
): ResourcesConfig["unified"] {
  const lines = Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
    const words = [
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    if (!/^[\w.:-]+$/.test(device))
      throw refused(`${pointer}/rdma/${device}`, "is no device's name");
    if (words.length === 0) {
      throw refused(`${pointer}/rdma/${device}`, "has neither hcaHandles nor hcaObjects");
    }
    return [device, ...words].join(" ");
  });
  return lines.length === 0 ? unified : { "rdma.max": lines.join("\n"), ...unified };
}

/** Without limits of zero, with which nothing would run: what Go writes for none. */
function withoutZeros<T extends object>(from: T): T {
  return Object.fromEntries(
    Object.entries(from).filter(([, value]) => value !== undefined && value !== 0),
  ) as T;
}

/** Go writes what was not set as zero or as an empty object; -1 is no limit. */
function asksForNothing(value: unknown): boolean {
  if (value === undefined || value === 0 || value === -1 || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/**
 * Who is to own the container's group: the program's user, where the container has the group writable
 * in a cgroup namespace of its own (config-linux.md, "Cgroup ownership").
 *
 * @returns a uid of the host; undefined: nobody but the caller.
 */
export function groupOwner({ linux, mounts = [], process }: RuntimeConfig): number | undefined {
  const namespaces = linux.namespaces ?? [];
  const isNew = (type: string): boolean =>
    namespaces.some((one) => one.type === type && (one.path ?? "") === "");
  const isWritable = mounts.some(
    ({ type = "", destination, options = [] }) =>
      ["cgroup", "cgroup2"].includes(type) &&
      cleanContainerPath(destination) === "/sys/fs/cgroup" &&
      !options.some((option) => option === "ro" || option === "rro"),
  );
  if (!isWritable || !isNew("cgroup")) return undefined;
  const { uid } = process.user;
  if (!namespaces.some(({ type }) => type === "user")) return uid;
  // The maps of a user namespace that is joined are not in this document.
  const map = isNew("user") ? (linux.uidMappings ?? []) : [];
  const own = map.find(({ containerID, size }) => uid >= containerID && uid - containerID < size);
  return own && own.hostID + uid - own.containerID;
}

/**
 * The rules for devices that somebody has to see to: in a user namespace nobody makes a device, so that
 * a container has those of its /dev.
 *
 * @returns none where nothing is denied.
 */
export function deviceRules(
  { linux }: RuntimeConfig,
  { canMakeNodes }: Pick<AdoptionFacts, "canMakeNodes">,
): readonly DeviceRule[] {
  const rules = linux.resources?.devices ?? [];
  const isInUserNamespace = (linux.namespaces ?? []).some(({ type }) => type === "user");
  return canMakeNodes && !isInUserNamespace && rules.some(({ allow }) => !allow) ? rules : [];
}

function pick<T extends object, K extends keyof T>(from: T, names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<T, K>;
}

function withoutMissing<T extends object>(from: T): T {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as T;
}
