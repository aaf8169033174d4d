import type { SlirpOptions } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { isIP, isIPv4, isIPv6 } from "../platform/ip-address.ts";

/** The address plan of a slirp4netns network: slirp4netns(1), `--cidr`. */
export interface SlirpAddresses {
  readonly cidr: string;
  /** The container's, .100 of the default network. */
  readonly container: string;
  /** Where the host answers, .2; closed unless `allow_host_loopback`. */
  readonly gateway: string;
  /** The built-in name server, .3. */
  readonly dns: string;
}

const defaultCidr = "10.0.2.0/24";
/** slirp4netns(1): what Podman and RootlessKit set, for throughput. */
const defaultMtu = 65_520;
const minMtu = 576;
const maxMtu = 65_521;
/** slirp4netns(1): "the prefix length … between 1 and 25". */
const maxPrefix = 25;

/**
 * Addresses of a network.
 *
 * @throws TsmanError USAGE when the cidr is not one that slirp4netns takes
 */
export function slirpAddresses(cidr: string = defaultCidr): SlirpAddresses {
  const [address, prefixText, rest] = cidr.split("/");
  const prefix = /^\d{1,2}$/.test(prefixText ?? "") ? Number(prefixText) : 0;
  if (
    address === undefined ||
    !isIPv4(address) ||
    rest !== undefined ||
    prefix < 1 ||
    prefix > maxPrefix
  ) {
    throw new TsmanError("USAGE", `use --network slirp4netns:cidr=${cidr}: not an IPv4 network`, {
      hint: `write ADDRESS/PREFIX with a prefix from 1 to ${maxPrefix}, such as ${defaultCidr}`,
    });
  }
  const base = address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
  const size = 2 ** (32 - prefix);
  const network = base - (base % size);
  return {
    cidr: `${dotted(network)}/${prefix}`,
    container: dotted(network + 100),
    gateway: dotted(network + 2),
    dns: dotted(network + 3),
  };
}

function dotted(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

/** What {@link slirpArguments} takes. */
export interface SlirpRequest {
  /** Absolute path of slirp4netns. */
  readonly program: string;
  readonly options: SlirpOptions;
  /** Unix socket for port forwards; missing: no API. */
  readonly apiSocket?: string | undefined;
}

/**
 * The argv of slirp4netns for the plan's NETWORK setting, which fills in `{pid}`, `{ready_fd}` and
 * `{exit_fd}`.  Sandboxed, with its own system call filter, and the host's loopback closed unless
 * asked for (S87, S91).
 *
 * @throws TsmanError USAGE on an option out of range
 */
export function slirpArguments(request: SlirpRequest): string[] {
  const { options } = request;
  const { cidr } = slirpAddresses(options.cidr);
  const mtu = options.mtu ?? defaultMtu;
  if (!Number.isInteger(mtu) || mtu < minMtu || mtu > maxMtu) {
    throw new TsmanError("USAGE", `use --network slirp4netns:mtu=${mtu}: not a packet size`, {
      hint: `write a number from ${minMtu} to ${maxMtu}`,
    });
  }
  return [
    request.program,
    "--configure",
    `--mtu=${mtu}`,
    `--cidr=${cidr}`,
    ...(options.allowHostLoopback ? [] : ["--disable-host-loopback"]),
    "--enable-sandbox",
    "--enable-seccomp",
    ...(options.enableIpv6 ? ["--enable-ipv6"] : []),
    ...outbound("outbound_addr", "--outbound-addr", options.outboundAddr, isIPv4),
    ...outbound("outbound_addr6", "--outbound-addr6", options.outboundAddr6, isIPv6),
    ...(request.apiSocket === undefined ? [] : [`--api-socket=${request.apiSocket}`]),
    "--ready-fd={ready_fd}",
    "--exit-fd={exit_fd}",
    "{pid}",
    "tap0",
  ];
}

/** An address, or the name of an interface: slirp4netns(1). */
function outbound(
  option: string,
  flag: string,
  value: string | undefined,
  isAddress: (text: string) => boolean,
): string[] {
  if (value === undefined) return [];
  const isInterface = isIP(value) === 0 && /^[A-Za-z0-9_.-]{1,15}$/.test(value);
  if (!isAddress(value) && !isInterface) {
    throw new TsmanError(
      "USAGE",
      `use --network slirp4netns:${option}=${value}: not an address or interface`,
    );
  }
  return [`${flag}=${value}`];
}
