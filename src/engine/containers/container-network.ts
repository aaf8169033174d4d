import { closeSync, constants, openSync } from "node:fs";
import path from "node:path";
import type { ContainerOptions } from "../../container/options.ts";
import { describeNetwork, type NetworkDescription } from "../../network/describe-network.ts";
import { readNetworkFacts, requireSlirp4netns } from "../../network/network-facts.ts";
import { reservePorts } from "../../network/ports.ts";
import { slirpArguments } from "../../network/slirp4netns.ts";
import type { ContainerPort } from "../../store/containers.ts";

/** A container's network, ready to be brought up. */
export interface ContainerNetwork {
  /** Command of the network helper for the plan; missing: none is needed. */
  readonly helper: readonly string[] | undefined;
  /** Every port with its host port decided. */
  readonly ports: readonly ContainerPort[];
  /** Publishes them; the helper must be up. */
  readonly publish: () => Promise<void>;
}

/** What the network options mean here. */
export function describeContainerNetwork(
  options: ContainerOptions,
  names: { readonly hostname: string; readonly name: string },
  imagePorts: readonly string[],
): NetworkDescription {
  return describeNetwork({
    options,
    hostname: names.hostname,
    containerName: names.name,
    imagePorts,
    facts: readNetworkFacts(options.network.mode),
  });
}

/**
 * Finds the network helper and free ports.
 *
 * @throws TsmanError PREFLIGHT_NETWORK, PREFLIGHT_PORT, PORT_IN_USE
 */
export async function planNetwork(
  options: ContainerOptions,
  description: NetworkDescription,
  runDir: string,
): Promise<ContainerNetwork> {
  if (!description.needsSlirp || options.network.mode !== "slirp4netns") {
    return { helper: undefined, ports: [], publish: async () => undefined };
  }
  const ports = description.ports.length === 0 ? [] : await reservePorts(description.ports);
  const helper = slirpArguments({
    program: requireSlirp4netns(),
    options: options.network.options,
    // The helper is started in the run directory, so that the path is short wherever that is.
    apiSocket: ports.length === 0 ? undefined : apiSocketName,
  });
  const publish = async (): Promise<void> => {
    if (ports.length === 0) return;
    // Parses replies with zod: loaded only when something is published.
    const { publishPorts } = await import("../../network/slirp-api.ts");
    using socket = reachSocket(runDir, apiSocketName);
    await publishPorts(socket.path, description.address ?? "", ports);
  };
  return { helper, ports, publish };
}

/** Of slirp4netns's API, in the run directory. */
const apiSocketName = "api";
/** Bytes of a socket's path without the final NUL; unix(7). */
const longestSocketPath = 107;

/**
 * A path by which this process reaches a socket.  A run directory has a name of 64 digits, so that
 * what is above it – a home with a long name will do – can make the path longer than sockets may
 * have; then it leads through a descriptor.
 */
function reachSocket(directory: string, name: string): Disposable & { readonly path: string } {
  const plain = path.join(directory, name);
  if (Buffer.byteLength(plain) <= longestSocketPath) {
    return { path: plain, [Symbol.dispose]: () => undefined };
  }
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${fd}/${name}`, [Symbol.dispose]: () => closeSync(fd) };
}
