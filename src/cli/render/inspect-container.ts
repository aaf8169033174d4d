import type { ContainerDetails } from "../../engine/details-types.ts";
import { goDocument, goMap, nilSlice } from "../template/go-map.ts";
import { hasEnded, shownState } from "./container-rows.ts";
import { inspectConfig } from "./inspect-config.ts";
import { hostConfig } from "./inspect-host-config.ts";
import { networkSettings } from "./inspect-network.ts";

/** Go's zero time, which Podman shows for "never". */
const never = "0001-01-01T00:00:00Z";

/** A container as `podman container inspect` shows it, and `docker inspect` where that has more. */
export function containerDocument(container: ContainerDetails): Readonly<Record<string, unknown>> {
  const { paths } = container;
  const [path = "", ...args] = container.command;
  return {
    Id: container.id,
    Created: container.createdAt,
    Path: path,
    Args: args,
    State: stateOf(container),
    Image: container.imageId?.replace(/^sha256:/, "") ?? "",
    ImageDigest: container.imageDigest ?? "",
    ImageName: container.options.rootfs === undefined ? container.image : "",
    Rootfs: container.options.rootfs?.path ?? "",
    Pod: "",
    ResolvConfPath: paths.resolvConf ?? "",
    HostnamePath: paths.hostnameFile ?? "",
    HostsPath: paths.hosts ?? "",
    StaticDir: paths.directory,
    OCIConfigPath: paths.ociConfig,
    OCIRuntime: "tsman",
    LogPath: paths.log ?? "",
    ConmonPidFile: container.options.monitorPidFile ?? paths.monitor,
    PidFile: container.options.pidFile ?? "",
    Name: container.name,
    RestartCount: container.restarts ?? 0,
    Driver: container.driver,
    Platform: "linux",
    // There is no SELinux in a container of a user's own, and no profile of its own to be loaded.
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: container.options.security.apparmor ?? "",
    EffectiveCaps: container.capabilities.effective,
    BoundingCaps: container.capabilities.bounding,
    ExecIDs: container.execIds,
    GraphDriver: graphDriver(container),
    ...(container.size !== undefined && {
      SizeRw: container.size.writable,
      SizeRootFs: container.size.rootfs,
    }),
    // As with Podman, those of --tmpfs are in HostConfig.Tmpfs.
    Mounts: container.mountPoints
      .filter(({ type }) => type !== "tmpfs")
      .map((mount) => ({
        Type: mount.type,
        ...(mount.type === "volume" && { Name: mount.name ?? "" }),
        Source: mount.source,
        Destination: mount.destination,
        Driver: mount.type === "volume" ? "local" : "",
        Mode: "",
        Options: mount.options,
        RW: !mount.readOnly,
        Propagation: mount.propagation,
      })),
    Dependencies: container.dependencies,
    NetworkSettings: networkSettings(container),
    Namespace: "",
    IsInfra: false,
    IsService: false,
    Config: inspectConfig(container),
    HostConfig: hostConfig(container),
  };
}

function stateOf(container: ContainerDetails): object {
  const { healthState } = container;
  const isStopped = hasEnded(container);
  const health = {
    Status: healthState?.status ?? container.health ?? "",
    FailingStreak: healthState?.failingStreak ?? 0,
    Log:
      healthState?.log.map(({ start, end, exitCode, output }) => ({
        Start: start,
        End: end,
        ExitCode: exitCode,
        Output: output,
      })) ?? nilSlice(),
  };
  const document = {
    OciVersion: "1.2.0",
    Status: shownState(container),
    Running: container.state === "running",
    Paused: container.state === "paused",
    Restarting: container.state === "restarting",
    OOMKilled: container.isOutOfMemory ?? false,
    Dead: false,
    Pid: container.pid ?? 0,
    ...(container.monitorPid !== undefined && { ConmonPid: container.monitorPid }),
    // Unknown is null: a status is never invented.
    ExitCode: isStopped ? (container.exitCode ?? null) : 0,
    Error: "",
    StartedAt: container.startedAt ?? never,
    FinishedAt: container.finishedAt ?? never,
    Health: health,
    ...(container.cgroupPath !== undefined && { CgroupPath: container.cgroupPath }),
    CheckpointedAt: never,
    RestoredAt: never,
  };
  // Podman's templates have kept the older name of Health.
  return goDocument(document, { ConmonPid: 0, CgroupPath: "", Healthcheck: health });
}

/** Where the files are: the keys of Docker's and Podman's overlay driver. */
function graphDriver({ driver, rootfs, pid }: ContainerDetails): object {
  const { lowers, upper, work, root } = rootfs;
  const merged = root ?? (pid === undefined ? undefined : `/proc/${pid}/root`);
  return {
    Name: driver,
    Data: goMap({
      ...(lowers.length > 0 && { LowerDir: lowers.join(":") }),
      // An overlay is a mount of the container alone: it is reached through a process in there.
      ...(merged !== undefined && { MergedDir: merged }),
      ...(upper !== undefined && { UpperDir: upper }),
      ...(work !== undefined && { WorkDir: work }),
    }),
  };
}
