import type { ContainerDetails } from "../../engine/details-types.ts";
import type { PortBinding } from "../../engine/types.ts";
import { goMap, nilMap, nilSlice } from "../template/go-map.ts";

/** `NetworkSettings` of a container. */
export function networkSettings(container: ContainerDetails): object {
  const isUp = container.state === "running" || container.state === "paused";
  const address = {
    EndpointID: "",
    Gateway: container.gateway ?? "",
    IPAddress: container.ipAddress ?? "",
    IPPrefixLen: container.ipPrefixLength ?? 0,
    IPv6Gateway: "",
    GlobalIPv6Address: "",
    GlobalIPv6PrefixLen: 0,
    // slirp4netns gives its device a random one, which nothing outside can learn.
    MacAddress: "",
  };
  return {
    ...address,
    Bridge: "",
    SandboxID: "",
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    Ports: ports(container, isUp),
    SandboxKey: container.sandbox ?? "",
    Networks: goMap(
      {
        [container.network]: {
          ...address,
          NetworkID: container.network,
          DriverOpts: nilMap(),
          IPAMConfig: null,
          Links: nilSlice(),
          Aliases: nilSlice(),
        },
      },
      {},
    ),
  };
}

/** As Docker and Podman 5 show it: what is only exposed has no binding. */
function ports({ exposedPorts, ports: bindings }: ContainerDetails, isUp: boolean): object {
  const published = portBindings(bindings);
  if (!isUp) return published;
  const closed = exposedPorts.filter((port) => !Object.hasOwn(published, port));
  return goMap(
    { ...Object.fromEntries(closed.map((port) => [port, nilSlice()])), ...published },
    [],
  );
}

/** Bindings by `PORT/PROTOCOL`. */
export function portBindings(ports: readonly PortBinding[]): object {
  const groups = Map.groupBy(
    ports,
    ({ containerPort, protocol }) => `${containerPort}/${protocol}`,
  );
  const bindings = [...groups].map(([key, group]) => [
    key,
    group.map(({ hostIp, hostPort }) => ({
      HostIp: hostIp === "0.0.0.0" ? "" : hostIp,
      HostPort: String(hostPort),
    })),
  ]);
  return goMap(Object.fromEntries(bindings) as Record<string, unknown>, []);
}
