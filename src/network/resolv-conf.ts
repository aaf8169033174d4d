import type { ContainerOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { isIP } from "../platform/ip-address.ts";

/** What tsman reads of a resolv.conf(5). */
export interface ResolverConfig {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

const domainPattern = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\.?$/;
const optionPattern = /^[a-z0-9-]+(?::\d+)?$/;

/** Parses resolv.conf(5): the last `search` or `domain` wins, options add up. */
export function parseResolvConf(text: string): ResolverConfig {
  const servers: string[] = [];
  const options: string[] = [];
  let search: string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    const first = values[0];
    if (keyword === "nameserver" && first !== undefined && isIP(first) !== 0) {
      servers.push(first);
    } else if (keyword === "search") {
      search = values.filter((domain) => domainPattern.test(domain));
    } else if (keyword === "domain" && first !== undefined && domainPattern.test(first)) {
      search = [first];
    } else if (keyword === "options") {
      options.push(...values.filter((option) => optionPattern.test(option)));
    }
  }
  return { servers, search, options };
}

/** A server that a network namespace of its own cannot reach: loopback, or of one interface. */
export function isOutOfReach(server: string): boolean {
  return (
    server.startsWith("127.") ||
    server.startsWith("0.") ||
    server === "::1" ||
    server === "::" ||
    /^::ffff:127\./i.test(server) ||
    server.includes("%") ||
    /^fe[89ab]/i.test(server)
  );
}

/**
 * Chooses between /etc/resolv.conf and the file in which systemd-resolved keeps the real servers:
 * the former names only its stub 127.0.0.53 then.
 *
 * @param systemd Contents of /run/systemd/resolve/resolv.conf; missing: there is none.
 */
export function chooseResolverConfig(etc: string, systemd: string | undefined): ResolverConfig {
  const config = parseResolvConf(etc);
  const isStub = config.servers.length > 0 && config.servers.every(isOutOfReach);
  if (!isStub || systemd === undefined) return config;
  const real = parseResolvConf(systemd);
  return real.servers.length === 0 ? config : { ...config, servers: real.servers };
}

/** What {@link formatResolvConf} takes. */
export interface ResolvConfRequest {
  readonly options: Pick<ContainerOptions, "dns" | "dnsSearch" | "dnsOptions">;
  readonly host: ResolverConfig;
  /** The network's own server, e.g. slirp4netns's 10.0.2.3, asked first. */
  readonly networkServer?: string | undefined;
  /** The container shares the host's network: a server on its loopback answers there. */
  readonly sharesHostNetwork: boolean;
}

/**
 * The container's resolv.conf; undefined with `--dns none`: the image's stays.
 *
 * Servers of the host that only its loopback reaches are left out, unless the network is the
 * host's and there is no other.
 *
 * @throws TsmanError USAGE on an address, domain or option that is none
 */
export function formatResolvConf(request: ResolvConfRequest): string | undefined {
  const { dns, dnsSearch, dnsOptions } = request.options;
  if (dns.includes("none")) {
    if (dns.length + dnsSearch.length + dnsOptions.length > 1) {
      throw new TsmanError("USAGE", "use --dns none: not together with other --dns options");
    }
    return undefined;
  }
  for (const server of dns) check("--dns", server, isIP(server) !== 0, "an address");
  for (const domain of dnsSearch) {
    check("--dns-search", domain, domain === "." || domainPattern.test(domain), "a domain");
  }
  for (const option of dnsOptions) {
    check("--dns-option", option, optionPattern.test(option), "an option of resolv.conf(5)");
  }
  const lines = [
    ...searchLines(dnsSearch.length > 0 ? dnsSearch : request.host.search),
    ...serversOf(request, dns).map((server) => `nameserver ${server}`),
    ...optionLines(dnsOptions.length > 0 ? dnsOptions : request.host.options),
  ];
  return `${lines.join("\n")}\n`;
}

function serversOf(request: ResolvConfRequest, dns: readonly string[]): readonly string[] {
  if (dns.length > 0) return dns;
  const reachable = request.host.servers.filter((server) => !isOutOfReach(server));
  const own = request.networkServer === undefined ? [] : [request.networkServer];
  if (reachable.length === 0 && request.sharesHostNetwork) return request.host.servers;
  return [...own, ...reachable];
}

/** "." asks for no search list at all: podman-run(1). */
function searchLines(domains: readonly string[]): string[] {
  const wanted = domains.filter((domain) => domain !== ".");
  return wanted.length === 0 || domains.includes(".") ? [] : [`search ${wanted.join(" ")}`];
}

function optionLines(options: readonly string[]): string[] {
  return options.length === 0 ? [] : [`options ${[...new Set(options)].join(" ")}`];
}

function check(option: string, value: string, isValid: boolean, what: string): void {
  if (isValid) return;
  throw new TsmanError("USAGE", `use ${option} ${JSON.stringify(value)}: not ${what}`);
}
