import type { ContainerDetails, PortBinding } from "../../engine/types.ts";
import { shownState } from "./container-rows.ts";

/** Go's zero time, which Podman shows for "never". */
const never = "0001-01-01T00:00:00Z";

/** A container as `podman container inspect` shows it. */
export function containerDocument(container: ContainerDetails): Readonly<Record<string, unknown>> {
  const { options } = container;
  const [path = "", ...args] = container.command;
  return {
    Id: container.id,
    Created: container.createdAt,
    Path: path,
    Args: args,
    State: {
      OciVersion: "1.2.0",
      Status: shownState(container),
      Running: container.state === "running",
      Paused: container.state === "paused",
      OOMKilled: container.isOutOfMemory ?? false,
      Dead: false,
      Pid: container.pid ?? 0,
      // Unknown is null: a status is never invented.
      ExitCode: container.state === "stopped" ? (container.exitCode ?? null) : 0,
      Error: "",
      StartedAt: container.startedAt ?? never,
      FinishedAt: container.finishedAt ?? never,
    },
    Image: container.imageId?.replace(/^sha256:/, "") ?? "",
    ImageName: container.image,
    Rootfs: options.rootfs?.path ?? "",
    Pod: "",
    ResolvConfPath: container.paths.resolvConf ?? "",
    HostnamePath: container.paths.hostnameFile ?? "",
    HostsPath: container.paths.hosts ?? "",
    OCIConfigPath: container.paths.ociConfig,
    OCIRuntime: "tsman",
    Name: container.name,
    Driver: container.driver,
    Mounts: container.mountPoints.map((mount) => ({
      Type: mount.type,
      ...(mount.name !== undefined && { Name: mount.name }),
      Source: mount.source,
      Destination: mount.destination,
      Driver: mount.type === "volume" ? "local" : "",
      Mode: "",
      Options: mount.options,
      RW: !mount.readOnly,
      Propagation: mount.propagation,
    })),
    NetworkSettings: networkSettings(container),
    Config: {
      Hostname: container.hostname,
      User: container.user,
      Env: container.environment,
      Cmd: container.command,
      Image: container.image,
      WorkingDir: container.workdir,
      Entrypoint: container.entrypoint,
      Labels: container.labels,
      Annotations: options.annotations,
      Tty: options.tty,
      OpenStdin: options.interactive,
      AttachStdin: options.interactive && !options.detach,
      AttachStdout: !options.detach,
      AttachStderr: !options.detach,
      StopSignal: container.stopSignal,
      StopTimeout: options.stopTimeout,
      Timeout: options.timeout ?? 0,
      Umask: (options.umask ?? 0o022).toString(8).padStart(4, "0"),
      ...(options.tz !== undefined && { Timezone: options.tz }),
    },
    HostConfig: hostConfig(container),
  };
}

function networkSettings(container: ContainerDetails): object {
  return {
    EndpointID: "",
    Gateway: container.gateway ?? "",
    IPAddress: container.ipAddress ?? "",
    IPPrefixLen: container.ipAddress === undefined ? 0 : 24,
    MacAddress: "",
    Ports: portBindings(container.ports),
    SandboxKey: "",
    Networks: { [container.network]: {} },
  };
}

function portBindings(ports: readonly PortBinding[]): object {
  const groups = Map.groupBy(
    ports,
    ({ containerPort, protocol }) => `${containerPort}/${protocol}`,
  );
  return Object.fromEntries(
    [...groups].map(([key, group]) => [
      key,
      group.map(({ hostIp, hostPort }) => ({
        HostIp: hostIp === "0.0.0.0" ? "" : hostIp,
        HostPort: String(hostPort),
      })),
    ]),
  );
}

function hostConfig({ options, ports, network, paths, mountPoints }: ContainerDetails): object {
  const namespace = (request: (typeof options)["pid"]): string =>
    request.mode === "container" ? `container:${request.container}` : request.mode;
  return {
    Binds: mountPoints
      .filter(({ type }) => type !== "tmpfs")
      .map(
        (mount) =>
          `${mount.name ?? mount.source}:${mount.destination}${mount.readOnly ? ":ro" : ""}`,
      ),
    Tmpfs: Object.fromEntries(
      mountPoints
        .filter(({ type }) => type === "tmpfs")
        .map((mount) => [mount.destination, mount.options.join(",")]),
    ),
    LogConfig: { Type: options.logDriver, Path: paths.log ?? "", Size: String(options.logMaxSize) },
    NetworkMode: network,
    PortBindings: portBindings(ports),
    AutoRemove: options.remove,
    CapAdd: options.capAdd,
    CapDrop: options.capDrop,
    Dns: options.dns,
    DnsOptions: options.dnsOptions,
    DnsSearch: options.dnsSearch,
    ExtraHosts: options.addHosts.map(({ name, address }) => `${name}:${address}`),
    GroupAdd: options.groupAdd,
    IpcMode: namespace(options.ipc),
    PidMode: namespace(options.pid),
    UTSMode: namespace(options.uts),
    UsernsMode: options.userns.mode === "default" ? "" : options.userns.mode,
    Init: options.init,
    Privileged: options.privileged,
    PublishAllPorts: options.publishAll,
    ReadonlyRootfs: options.readOnly,
    SecurityOpt: [
      ...(options.security.noNewPrivileges ? ["no-new-privileges"] : []),
      ...(options.security.seccomp === "default" ? [] : [`seccomp=${options.security.seccomp}`]),
    ],
    ShmSize: options.shmSize ?? 65_536_000,
    Ulimits: options.ulimits.map(({ name, soft, hard }) => ({
      Name: `RLIMIT_${name.toUpperCase()}`,
      Soft: soft,
      Hard: hard,
    })),
    Devices: options.devices.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
  };
}
