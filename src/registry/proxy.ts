import { BlockList, isIP } from "node:net";
import type { ProxyEnvironment } from "../config/environment.ts";
import { TsmanError } from "../errors/index.ts";
import { bareHost, isLoopbackHost } from "./addresses.ts";

/**
 * The proxy through which a URL is reached; undefined: directly.  This machine never needs one.
 *
 * @throws TsmanError CONFIG_INVALID for a proxy that cannot be used; its text, which may hold a
 * password, is not in the message
 */
export function findProxy(url: URL, proxy: ProxyEnvironment | undefined): URL | undefined {
  const name = url.protocol === "https:" ? "https" : "http";
  const text = proxy?.[name];
  if (text === undefined || text === "" || isLoopbackHost(url.host)) return undefined;
  if (isExcepted(url, proxy?.noProxy ?? "")) return undefined;
  // As curl takes it: what has no scheme is a plain proxy.
  const full = text.includes("://") ? text : `http://${text}`;
  const parsed = URL.canParse(full) ? new URL(full) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return parsed;
  const why = parsed === undefined ? "it is no URL" : `tsman does not speak ${parsed.protocol}//`;
  throw new TsmanError("CONFIG_INVALID", `use the proxy for ${name}: ${why}`, {
    hint: `write ${name}_proxy, or proxy.${name} in config.toml, like http://proxy.example.com:3128`,
  });
}

/**
 * Whether `no_proxy` has an entry for a URL, by the rules of Go's httpproxy, which Podman follows:
 * `*`; a host with its subdomains; `.suffix` or `*.suffix`, subdomains only; an address; a network
 * (`10.0.0.0/8`); each with `:port` if need be.
 */
function isExcepted(url: URL, noProxy: string): boolean {
  const host = bareHost(url.host).toLowerCase();
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  return noProxy
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .some((entry) => entryFits(entry.toLowerCase(), host, port));
}

function entryFits(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return isInNetwork(host, entry);
  const [, bracketed, plain, ownPort] =
    /^(?:\[([^\]]+)\]|([^:]*|[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f.]*))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? plain;
  if (name === undefined || name === "" || (ownPort !== undefined && ownPort !== port))
    return false;
  if (isIP(host) !== 0) return isIP(name) !== 0 && isInNetwork(host, name);
  const suffix = name.startsWith("*.") ? name.slice(1) : name;
  if (suffix.startsWith(".")) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

function isInNetwork(host: string, network: string): boolean {
  const [address = "", length] = network.split("/");
  const family = isIP(address);
  if (isIP(host) === 0 || family === 0) return false;
  const bits = length === undefined ? (family === 4 ? 32 : 128) : Number(length);
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? "ipv4" : "ipv6");
  return list.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}

/** What a proxy that refuses says, in undici's words. */
const refusal = /Proxy (?:response|Authentication Required) \((\d{3})\)/;

/**
 * The error for a proxy that would not connect; undefined for any other failure.  undici reports it
 * as an abort, which it is not.
 */
export function proxyError(error: unknown, proxy: URL, to: URL): TsmanError | undefined {
  const status = refusal.exec(error instanceof Error ? error.message : "")?.[1];
  if (status === undefined) return undefined;
  const why =
    status === "407" ? "it wants a user name and a password, or others" : `it answers ${status}`;
  return new TsmanError(
    "REGISTRY_UNREACHABLE",
    `connect to ${to.host} through the proxy ${proxy.host}: ${why}`,
    {
      hint:
        status === "407"
          ? "write them into the proxy's URL: https_proxy=http://USER:PASSWORD@HOST:PORT"
          : `ask the proxy's administrator for ${to.host}, or except it with no_proxy`,
      details: { proxy: proxy.host, status: Number(status) },
    },
  );
}
