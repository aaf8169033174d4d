import type { ContainerOptions, PortRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { formatHosts } from "./hosts.ts";
import type { NetworkFacts } from "./network-facts.ts";
import { listPorts } from "./ports.ts";
import { formatResolvConf } from "./resolv-conf.ts";
import { slirpAddresses } from "./slirp4netns.ts";

/** A container's network before anything of it exists. */
export interface NetworkDescription {
  /** Contents of /etc/hosts; missing: the image's stays. */
  readonly hosts?: string | undefined;
  /** Contents of /etc/resolv.conf; missing: the image's stays. */
  readonly resolvConf?: string | undefined;
  /** Address inside and its gateway, where the network gives one. */
  readonly address?: string | undefined;
  readonly gateway?: string | undefined;
  /** What to publish; host ports are still open: `reservePorts`. */
  readonly ports: readonly PortRequest[];
  /** Whether slirp4netns has to run. */
  readonly needsSlirp: boolean;
  readonly warnings: readonly string[];
}

/** What {@link describeNetwork} takes. */
export interface NetworkRequestFacts {
  readonly options: ContainerOptions;
  readonly hostname: string;
  readonly containerName: string;
  /** `ExposedPorts` of the image. */
  readonly imagePorts: readonly string[];
  readonly facts: NetworkFacts;
}

/**
 * What the network options mean on this host; pure.
 *
 * @throws TsmanError USAGE for options that cannot be meant
 */
export function describeNetwork(request: NetworkRequestFacts): NetworkDescription {
  const { options, facts } = request;
  const { network } = options;
  const ports = listPorts(options, request.imagePorts);
  switch (network.mode) {
    case "slirp4netns": {
      const addresses = slirpAddresses(network.options.cidr);
      return {
        ...files(request, addresses.container, facts.hostAddress, addresses.dns),
        address: addresses.container,
        gateway: addresses.gateway,
        ports,
        needsSlirp: true,
        warnings: [],
      };
    }
    case "host":
      return {
        ...files(request, "127.0.0.1", "127.0.0.1", undefined),
        ports: [],
        needsSlirp: false,
        warnings: [
          "--network host: programs in the container reach everything on this host's network, " +
            "abstract unix sockets included",
          ...(ports.length > 0
            ? ["--network host: -p and -P do nothing, all ports are the host's already"]
            : []),
        ],
      };
    case "none":
      if (ports.length > 0) {
        throw new TsmanError("USAGE", "publish port: the container has no network", {
          hint: "leave out -p and -P, or --network none",
        });
      }
      return {
        ...files(request, "127.0.0.1", undefined, undefined),
        ports: [],
        needsSlirp: false,
        warnings: [],
      };
    case "path":
      if (ports.length > 0) {
        throw new TsmanError(
          "USAGE",
          "publish port: the network namespace is not the container's",
          {
            hint: "leave out -p and -P, or --network ns:PATH",
          },
        );
      }
      return {
        ...files(request, "127.0.0.1", undefined, undefined),
        ports: [],
        needsSlirp: false,
        warnings: [],
      };
    case "container":
      refuseWithJoinedNetwork(options, ports);
      return { ports: [], needsSlirp: false, warnings: [] };
  }
}

function files(
  request: NetworkRequestFacts,
  address: string,
  hostAddress: string | undefined,
  networkServer: string | undefined,
): { hosts?: string; resolvConf?: string } {
  const { options, facts } = request;
  const asksForDns = options.dns.length + options.dnsSearch.length + options.dnsOptions.length > 0;
  // Without a network nobody answers: like Podman, no file unless the user wants one.
  const resolvConf =
    options.network.mode === "none" && !asksForDns
      ? undefined
      : formatResolvConf({
          options,
          host: facts.resolver,
          networkServer,
          sharesHostNetwork: options.network.mode === "host",
        });
  if (options.noHosts && options.addHosts.length > 0) {
    throw new TsmanError("USAGE", "use --add-host: not together with --no-hosts");
  }
  const hosts = options.noHosts
    ? undefined
    : formatHosts({
        base: facts.hosts,
        address,
        hostname: request.hostname,
        containerName: request.containerName,
        hostAddress,
        addHosts: options.addHosts,
      });
  return {
    ...(hosts === undefined ? {} : { hosts }),
    ...(resolvConf === undefined ? {} : { resolvConf }),
  };
}

function refuseWithJoinedNetwork(options: ContainerOptions, ports: readonly PortRequest[]): void {
  const given = [
    ...(ports.length > 0 ? ["-p"] : []),
    ...(options.dns.length > 0 ? ["--dns"] : []),
    ...(options.dnsSearch.length > 0 ? ["--dns-search"] : []),
    ...(options.dnsOptions.length > 0 ? ["--dns-option"] : []),
    ...(options.addHosts.length > 0 ? ["--add-host"] : []),
  ];
  if (given.length === 0) return;
  throw new TsmanError("USAGE", `use ${given.join(", ")}: the network is another container's`, {
    hint: "give it to the container that owns the network",
  });
}
