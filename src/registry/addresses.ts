import { BlockList, isIP } from "node:net";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Addresses that answer for the machine itself or for its cloud, never for a service elsewhere. */
const internal = new BlockList();
internal.addSubnet("127.0.0.0", 8, "ipv4");
internal.addSubnet("0.0.0.0", 8, "ipv4");
// Link-local: the metadata services of clouds live on 169.254.169.254.
internal.addSubnet("169.254.0.0", 16, "ipv4");
internal.addAddress("::1", "ipv6");
internal.addAddress("::", "ipv6");
internal.addSubnet("fe80::", 10, "ipv6");
// The same service over IPv6.
internal.addAddress("fd00:ec2::254", "ipv6");

/** The name or address in a URL's host part, without port, brackets and the root's dot. */
export function bareHost(host: string): string {
  const bracketed = /^\[([^\]]*)\]/.exec(host)?.[1];
  if (bracketed !== undefined) return bracketed;
  const colon = host.lastIndexOf(":");
  const name = colon === -1 ? host : host.slice(0, colon);
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** Whether a host (`name[:port]`) is this machine: localhost, 127/8, ::1. */
export function isLoopbackHost(host: string): boolean {
  const bare = bareHost(host).toLowerCase();
  return bare === "localhost" || bare.endsWith(".localhost") || contains(loopback, bare);
}

/** Whether a host is an address rather than a name. */
export function isAddressLiteral(host: string): boolean {
  return isIP(bareHost(host)) !== 0;
}

/**
 * Whether an address is this machine, link-local or unspecified: nothing that a registry on the
 * internet may send us to (case S51).
 */
export function isInternalAddress(address: string): boolean {
  return contains(internal, address);
}

function contains(list: BlockList, address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return list.check(address, "ipv4");
    case 6:
      // BlockList also finds an IPv4-mapped address (::ffff:127.0.0.1) in its IPv4 rules.
      return list.check(address, "ipv6");
    default:
      return false;
  }
}
