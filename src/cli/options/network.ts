import type { NetworkRequest, SlirpOptions } from "../../container/options.ts";
import { isIP } from "../../platform/ip-address.ts";
import { invalidValue, unsupported } from "../usage-error.ts";
import { namespacePath } from "./namespaces.ts";
import { truthOf } from "./scalars.ts";

const right = "use none, host, container:NAME, ns:PATH or slirp4netns[:KEY=VALUE,…]";
const slirpRight =
  "use some of: allow_host_loopback=BOOL, mtu=N, cidr=IPV4/BITS, enable_ipv6=BOOL, outbound_addr=IP, outbound_addr6=IP";

/** `--network`. */
export function parseNetwork(text: string, option: string): NetworkRequest {
  const colon = text.indexOf(":");
  const mode = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? "" : text.slice(colon + 1);
  switch (mode) {
    case "none":
    case "host":
      if (rest !== "") throw invalidValue(option, text, `${mode} takes no options`, right);
      return { mode };
    case "":
    // Docker's word for what a container has that asks for nothing.
    case "default":
    case "private":
      return { mode: "slirp4netns", options: {} };
    case "slirp4netns":
      return { mode, options: slirpOptions(rest, text, option) };
    case "container":
      if (rest === "") throw invalidValue(option, text, "the container's name is missing", right);
      return { mode, container: rest };
    case "bridge":
      throw unsupported(`${option} ${mode}`, "no bridge without root", `leave it out, or ${right}`);
    case "ns":
      return { mode: "path", path: namespacePath(rest, text, option, right) };
    case "pasta":
    case "pod":
      throw unsupported(`${option} ${mode}`, "no such network driver", right);
    default:
      throw unsupported(`${option} ${mode}`, "no user-defined networks yet", right);
  }
}

function slirpOptions(text: string, whole: string, option: string): SlirpOptions {
  const options: { -readonly [K in keyof SlirpOptions]: SlirpOptions[K] } = {};
  for (const pair of text === "" ? [] : text.split(",")) {
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    const value = equals < 0 ? "" : pair.slice(equals + 1);
    const fail = (why: string): never => {
      throw invalidValue(option, whole, why, slirpRight);
    };
    switch (key) {
      case "allow_host_loopback":
        options.allowHostLoopback = truthOf(value, option, key);
        break;
      case "enable_ipv6":
        options.enableIpv6 = truthOf(value, option, key);
        break;
      case "mtu": {
        const mtu = /^\d{1,5}$/.test(value) ? Number(value) : 0;
        if (mtu < 68 || mtu > 65521) fail("mtu is not a number from 68 to 65521");
        options.mtu = mtu;
        break;
      }
      case "cidr": {
        const [address = "", bits = ""] = value.split("/");
        const isCidr =
          isIP(address) === 4 && /^\d{1,2}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= 25;
        if (!isCidr) fail("cidr is not an IPv4 network of at most 25 bits");
        options.cidr = value;
        break;
      }
      case "outbound_addr":
        if (isIP(value) !== 4 && !isInterface(value))
          fail("outbound_addr is neither an IPv4 address nor an interface");
        options.outboundAddr = value;
        break;
      case "outbound_addr6":
        if (isIP(value) !== 6 && !isInterface(value))
          fail("outbound_addr6 is neither an IPv6 address nor an interface");
        options.outboundAddr6 = value;
        break;
      case "port_handler":
        if (value !== "slirp4netns") {
          throw unsupported(
            `${option} port_handler=${value}`,
            "ports go through slirp4netns",
            "leave it out",
          );
        }
        break;
      default:
        fail(`unknown option ${JSON.stringify(key)}`);
    }
  }
  return options;
}

/** Interface names, netdevice(7): at most 15 bytes, no slash and no space. */
function isInterface(text: string): boolean {
  return /^[A-Za-z][\w.-]{0,14}$/.test(text);
}
