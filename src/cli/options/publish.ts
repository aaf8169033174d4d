import type { PortRequest } from "../../container/options.ts";
import { isIP } from "../../platform/ip-address.ts";
import { invalidValue, unsupported } from "../usage-error.ts";

const right =
  "write [[IP:][HOSTPORT]:]CONTAINERPORT[/tcp|udp], such as 8080:80, 127.0.0.1:8080:80 or 53:53/udp";

/**
 * `-p [[IP:][HOSTPORT]:]CONTAINERPORT[/PROTOCOL]`; ports may be ranges of equal length, an IPv6
 * address stands in brackets, no or port 0 of the host means a free one.
 */
export function parsePublish(text: string, option: string): readonly PortRequest[] {
  const { rest, protocol } = splitProtocol(text, option);
  const { hostIp, ports } = splitAddress(rest, text, option);
  const [first = "", second] = ports;
  const container = portRange(second ?? first, 1, text, option);
  const hostText = second === undefined ? "" : first;
  const shared = { ...(hostIp !== undefined && { hostIp }), protocol };
  if (hostText === "" || hostText === "0") {
    return range(container).map((containerPort) => ({ ...shared, containerPort }));
  }
  const host = portRange(hostText, 1, text, option);
  if (host.last - host.first !== container.last - container.first) {
    throw invalidValue(
      option,
      text,
      "the two ranges differ in length",
      "give ranges of equal length, such as 8000-8009:80-89",
    );
  }
  return range(container).map((containerPort, index) => ({
    ...shared,
    hostPort: host.first + index,
    containerPort,
  }));
}

/** `--expose PORT[-PORT][/PROTOCOL]`. */
export function parseExpose(text: string, option: string): readonly PortRequest[] {
  const { rest, protocol } = splitProtocol(text, option);
  if (rest.includes(":")) {
    throw invalidValue(
      option,
      text,
      "a port of the host has no place here",
      "write PORT[/tcp|udp], or use --publish",
    );
  }
  return range(portRange(rest, 1, text, option)).map((containerPort) => ({
    containerPort,
    protocol,
  }));
}

function splitProtocol(text: string, option: string): { rest: string; protocol: "tcp" | "udp" } {
  const slash = text.indexOf("/");
  if (slash < 0) return { rest: text, protocol: "tcp" };
  const protocol = text.slice(slash + 1).toLowerCase();
  if (protocol === "tcp" || protocol === "udp") return { rest: text.slice(0, slash), protocol };
  if (protocol === "sctp")
    throw unsupported(`${option} …/sctp`, "slirp4netns forwards tcp and udp", right);
  throw invalidValue(option, text, `unknown protocol ${JSON.stringify(protocol)}`, right);
}

function splitAddress(
  rest: string,
  whole: string,
  option: string,
): { hostIp?: string; ports: readonly string[] } {
  const bracketed = /^\[([^\]]*)\]:(.*)$/.exec(rest);
  if (bracketed !== null) {
    const [, address = "", after = ""] = bracketed;
    if (isIP(address) !== 6)
      throw invalidValue(option, whole, `${JSON.stringify(address)} is no IPv6 address`, right);
    const ports = after.split(":");
    if (ports.length !== 2)
      throw invalidValue(option, whole, "after an address come HOSTPORT:CONTAINERPORT", right);
    return { hostIp: address, ports };
  }
  const parts = rest.split(":");
  if (parts.length > 3) {
    throw invalidValue(
      option,
      whole,
      "more than three parts",
      "write an IPv6 address in brackets, such as [::1]:8080:80",
    );
  }
  if (parts.length < 3) return { ports: parts };
  const [address = "", ...ports] = parts;
  if (address === "") return { ports };
  if (isIP(address) !== 4) {
    throw invalidValue(option, whole, `${JSON.stringify(address)} is no IP address`, right);
  }
  return { hostIp: address, ports };
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

function portRange(text: string, min: number, whole: string, option: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null)
    throw invalidValue(option, whole, `${JSON.stringify(text)} is no port`, right);
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < min || last > 65535) {
    throw invalidValue(
      option,
      whole,
      `port ${first < min ? first : last} is out of bounds`,
      "ports go from 1 to 65535",
    );
  }
  if (last < first) throw invalidValue(option, whole, "the range ends before it begins", right);
  return { first, last };
}

function range({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
