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
    CgroupManager: "cgroupfs",
    CgroupMode: "private",
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
    // Without delegation a container has no control group of its own.
    Cgroups: "disabled",
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
    ...noLimits,
  };
}

/** Limits of control groups, none of which is in force. */
const noLimits = {
  CpuShares: 0,
  Memory: 0,
  NanoCpus: 0,
  CgroupParent: "",
  BlkioWeight: 0,
  BlkioWeightDevice: nilSlice(),
  BlkioDeviceReadBps: nilSlice(),
  BlkioDeviceWriteBps: nilSlice(),
  BlkioDeviceReadIOps: nilSlice(),
  BlkioDeviceWriteIOps: nilSlice(),
  CpuPeriod: 0,
  CpuQuota: 0,
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  CpusetCpus: "",
  CpusetMems: "",
  DiskQuota: 0,
  KernelMemory: 0,
  MemoryReservation: 0,
  MemorySwap: 0,
  MemorySwappiness: 0,
  OomKillDisable: false,
  PidsLimit: 0,
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
  CgroupConf: nilMap(),
} as const;

/** `SOURCE:DESTINATION:ro,rprivate,rbind`. */
function bindText(mount: MountDetails): string {
  const source = mount.type === "volume" ? (mount.name ?? "") : mount.source;
  const flags = [mount.readOnly ? "ro" : "rw", mount.propagation, ...mount.options];
  const shown = flags.filter((flag) => flag !== "").join(",");
  return `${source}:${mount.destination}:${shown}`;
}

function namespaceText(request: NamespaceRequest): string {
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
