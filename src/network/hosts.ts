import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { isIP } from "../platform/ip-address.ts";

/** The names by which a container finds its host: Podman's and Docker Desktop's. */
const hostNames = ["host.containers.internal", "host.docker.internal"];
const hostNamePattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/** What {@link formatHosts} takes. */
export interface HostsRequest {
  /** The host's own /etc/hosts: entries that an administrator made hold in containers too. */
  readonly base: string;
  /** The container's address; for a container without a network of its own 127.0.0.1. */
  readonly address: string;
  readonly hostname: string;
  readonly containerName: string;
  /** An address of the host that the container reaches; missing: none. */
  readonly hostAddress?: string | undefined;
  readonly addHosts: ContainerOptions["addHosts"];
}

/**
 * The container's /etc/hosts: what the user adds, then the host's entries, then localhost, the
 * host and the container itself.  An earlier name hides a later one.
 *
 * @throws TsmanError USAGE when `--add-host` has no address or name, or host-gateway is not known
 */
export function formatHosts(request: HostsRequest): string {
  const taken = new Set<string>();
  const lines: string[] = [];
  const add = (address: string, names: readonly string[]): void => {
    // A name may have an address of each family (localhost has), but not two of one.
    const family = address.includes(":") ? 6 : 4;
    const fresh = names.filter((name) => name !== "" && !taken.has(`${family} ${name}`));
    for (const name of fresh) taken.add(`${family} ${name}`);
    if (fresh.length > 0) lines.push(`${address}\t${fresh.join(" ")}`);
  };
  for (const { name, address } of request.addHosts) {
    add(resolveAddress(name, address, request.hostAddress), [checkedName(name)]);
  }
  for (const { address, names } of parseHosts(request.base)) add(address, names);
  add("127.0.0.1", ["localhost"]);
  add("::1", ["localhost", "ip6-localhost", "ip6-loopback"]);
  if (request.hostAddress !== undefined) add(request.hostAddress, hostNames);
  add(request.address, [...new Set([request.hostname, request.containerName])]);
  return `${lines.join("\n")}\n`;
}

function checkedName(name: string): string {
  if (hostNamePattern.test(name)) return name;
  throw new TsmanError("USAGE", `use --add-host ${JSON.stringify(name)}: not a host name`, {
    hint: "write --add-host NAME:ADDRESS",
  });
}

function resolveAddress(name: string, address: string, gateway: string | undefined): string {
  if (address === "host-gateway") {
    if (gateway !== undefined) return gateway;
    throw new TsmanError("USAGE", `use --add-host ${name}:host-gateway: the host has no address`, {
      hint: "give an address instead of host-gateway",
    });
  }
  if (isIP(address) !== 0) return address;
  throw new TsmanError(
    "USAGE",
    `use --add-host ${name}:${address}: ${JSON.stringify(address)} is not an address`,
    { hint: "write an IPv4 or IPv6 address, or host-gateway" },
  );
}

/** Entries of a hosts(5) file; what is not understood is left out. */
export function parseHosts(text: string): { address: string; names: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if (address === undefined || isIP(address) === 0) return [];
    const usable = names.filter((name) => hostNamePattern.test(name));
    return usable.length === 0 ? [] : [{ address, names: usable }];
  });
}
