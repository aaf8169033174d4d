import type { CgroupOptions, DeviceLimit, LimitOptions } from "../../container/limits.ts";
import type { NamespaceRequest, SecurityOptions } from "../../container/options.ts";
import type { ContainerDetails, IdRangeDetails, MountDetails } from "../../engine/details-types.ts";
import { goMap, nilMap, nilSlice } from "../template/go-map.ts";
import { humanSize } from "./human.ts";
import { portBindings } from "./inspect-network.ts";

/** `HostConfig` of a container: what was asked for. */
export function hostConfig(container: ContainerDetails): object {
  const { options, paths, mountPoints } = container;
  const { idMapping } = container;
  const volumes = mountPoints.filter(({ type }) => type !== "tmpfs");
  const tmpfs = mountPoints.filter(({ type }) => type === "tmpfs");
  return {
    Binds: volumes.map(bindText),
    CgroupManager: container.group?.manager ?? "cgroupfs",
    CgroupMode: cgroupNamespaceText(options.cgroup),
    ContainerIDFile: options.cidFile ?? "",
    LogConfig: {
      Type: options.logDriver,
      Config: nilMap(),
      Path: paths.log ?? "",
      Tag: options.logTag ?? "",
      Size: humanSize(options.logMaxSize).replace(" ", ""),
    },
    NetworkMode: container.network,
    PortBindings: portBindings(container.ports),
    RestartPolicy: {
      Name: container.restartPolicy ?? "no",
      MaximumRetryCount: options.restart?.maxRetries ?? 0,
    },
    AutoRemove: options.remove,
    VolumeDriver: "",
    VolumesFrom:
      options.volumesFrom?.map(
        ({ container, readOnly }) =>
          `${container}${readOnly === undefined ? "" : readOnly ? ":ro" : ":rw"}`,
      ) ?? nilSlice(),
    CapAdd: options.capAdd.map(capabilityName),
    CapDrop: options.capDrop.map(capabilityName),
    Dns: options.dns,
    DnsOptions: options.dnsOptions,
    DnsSearch: options.dnsSearch,
    ExtraHosts: options.addHosts.map(({ name, address }) => `${name}:${address}`),
    GroupAdd: options.groupAdd,
    IpcMode: namespaceText(options.ipc),
    Cgroup: "",
    // While it does not run: what it is to get, if this host can give it.
    Cgroups: cgroupsWord(container),
    Links: nilSlice(),
    OomScoreAdj: options.oomScoreAdj ?? 0,
    PidMode: namespaceText(options.pid),
    Privileged: options.privileged,
    PublishAllPorts: options.publishAll,
    ReadonlyRootfs: options.readOnly,
    SecurityOpt: securityTexts(options.security),
    Tmpfs: goMap(
      Object.fromEntries(tmpfs.map((mount) => [mount.destination, mount.options.join(",")])),
    ),
    UTSMode: namespaceText(options.uts),
    UsernsMode: usernsMode(options.userns.mode),
    IDMappings: { UidMap: idMapping.uid.map(rangeText), GidMap: idMapping.gid.map(rangeText) },
    ShmSize: options.shmSize ?? 65_536_000,
    Runtime: "oci",
    Init: options.init,
    ConsoleSize: [0, 0],
    Isolation: "",
    MaskedPaths: container.maskedPaths,
    ReadonlyPaths: container.readonlyPaths,
    Sysctls: goMap(options.sysctls),
    Devices: options.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    Ulimits: container.rlimits.map(({ name, soft, hard }) => ({
      Name: name,
      Soft: soft,
      Hard: hard,
    })),
    ...limitMembers(options.limits ?? {}, options.cgroup?.parent, container.group?.limits),
  };
}

function cgroupsWord({ options, group, pid }: ContainerDetails): string {
  const mode = options.cgroup?.mode;
  if (mode === "disabled" || (pid !== undefined && group === undefined)) return "disabled";
  return mode === "split" ? "split" : "default";
}

/** Limits as they were asked for, with Podman's zeros for those that were not. */
function limitMembers(
  limits: LimitOptions,
  parent: string | undefined,
  inForce: Readonly<Record<string, string>> | undefined,
): object {
  const { cpuQuota = 0, cpuPeriod = 0, memory = 0 } = limits;
  const pids = limits.pidsLimit ?? Number(inForce?.["pids.max"] ?? 0);
  return {
    CpuShares: limits.cpuShares ?? 0,
    Memory: memory,
    NanoCpus: cpuQuota > 0 && cpuPeriod > 0 ? Math.round((cpuQuota / cpuPeriod) * 1e9) : 0,
    CgroupParent: parent ?? "",
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: deviceMembers(limits.blkioWeightDevice, "Weight"),
    BlkioDeviceReadBps: deviceMembers(limits.deviceReadBps, "Rate"),
    BlkioDeviceWriteBps: deviceMembers(limits.deviceWriteBps, "Rate"),
    BlkioDeviceReadIOps: deviceMembers(limits.deviceReadIops, "Rate"),
    BlkioDeviceWriteIOps: deviceMembers(limits.deviceWriteIops, "Rate"),
    CpuPeriod: cpuPeriod,
    CpuQuota: cpuQuota,
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    CpusetCpus: limits.cpusetCpus ?? "",
    CpusetMems: limits.cpusetMems ?? "",
    DiskQuota: 0,
    KernelMemory: 0,
    MemoryReservation: limits.memoryReservation ?? 0,
    // As Podman: as much swap as memory where nobody says otherwise.
    MemorySwap: limits.memorySwap ?? (memory > 0 ? 2 * memory : 0),
    MemorySwappiness: 0,
    OomKillDisable: false,
    PidsLimit: Number.isNaN(pids) ? 0 : pids,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    CgroupConf: limits.conf === undefined ? nilMap() : goMap(limits.conf),
    LimitsInForce: inForce === undefined ? nilMap() : goMap(inForce),
  };
}

function deviceMembers(list: readonly DeviceLimit[] | undefined, member: string) {
  return list?.map(({ path, rate }) => ({ Path: path, [member]: rate })) ?? nilSlice();
}

/** `SOURCE:DESTINATION:ro,rprivate,rbind`. */
function bindText(mount: MountDetails): string {
  const source = mount.type === "volume" ? (mount.name ?? "") : mount.source;
  const flags = [mount.readOnly ? "ro" : "rw", mount.propagation, ...mount.options];
  const shown = flags.filter((flag) => flag !== "").join(",");
  return `${source}:${mount.destination}:${shown}`;
}

function cgroupNamespaceText(cgroup: CgroupOptions | undefined): string {
  const { namespace, isHostNamespace } = cgroup ?? {};
  if (namespace?.mode === "path") return `ns:${namespace.path}`;
  if (namespace?.mode === "container") return `container:${namespace.container}`;
  return isHostNamespace ? "host" : "private";
}

function namespaceText(request: NamespaceRequest): string {
  if (request.mode === "path") return `ns:${request.path}`;
  return request.mode === "container" ? `container:${request.container}` : request.mode;
}

function capabilityName(text: string): string {
  const name = text.toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

function rangeText({ containerId, hostId, size }: IdRangeDetails): string {
  return `${containerId}:${hostId}:${size}`;
}

function securityTexts(security: SecurityOptions): readonly string[] {
  return [
    ...(security.noNewPrivileges ? ["no-new-privileges"] : []),
    ...(security.seccomp === "default" ? [] : [`seccomp=${security.seccomp}`]),
    ...(security.apparmor === undefined ? [] : [`apparmor=${security.apparmor}`]),
    ...security.labels.map((label) => (label.startsWith("label=") ? label : `label=${label}`)),
    ...(security.mask.length > 0 ? [`mask=${security.mask.join(":")}`] : []),
    ...(security.unmask.length > 0 ? [`unmask=${security.unmask.join(":")}`] : []),
  ];
}

/** Podman's word for a mapping that was written by hand is "private". */
function usernsMode(mode: ContainerDetails["options"]["userns"]["mode"]): string {
  if (mode === "default") return "";
  return mode === "map" || mode === "subid" ? "private" : mode;
}
