import { isIP } from "../../platform/ip-address.ts";
import { invalidValue } from "../usage-error.ts";

/** One line of /etc/hosts. */
export interface AddedHost {
  readonly name: string;
  /** An IP address or "host-gateway". */
  readonly address: string;
}

const hostLabel = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253})$/;
const addHostRight = "write NAME[;NAME…]:IP, such as db:10.0.0.5 or db:host-gateway";

/** `--add-host NAME[;NAME…]:IP`. */
export function parseAddHost(text: string, option: string): readonly AddedHost[] {
  const colon = text.indexOf(":");
  if (colon <= 0) throw invalidValue(option, text, "not NAME:IP", addHostRight);
  const names = text.slice(0, colon).split(";");
  const address = text.slice(colon + 1).replace(/^\[(.*)\]$/, "$1");
  if (address !== "host-gateway" && isIP(address) === 0) {
    throw invalidValue(option, text, `${JSON.stringify(address)} is no IP address`, addHostRight);
  }
  const bad = names.find((name) => !hostLabel.test(name));
  if (bad !== undefined)
    throw invalidValue(option, text, `${JSON.stringify(bad)} is no host name`, addHostRight);
  return names.map((name) => ({ name, address }));
}

/** `--dns IP`, or `none` for the image's own resolv.conf. */
export function parseDnsServer(text: string, option: string): string {
  if (text === "none") return text;
  if (isIP(text) !== 0) return text;
  throw invalidValue(
    option,
    text,
    "not an IP address",
    "give the address of a name server, such as 9.9.9.9, or none",
  );
}

/** `--dns-search`, `--dns-option`: one word of resolv.conf(5), on which no other line may ride. */
export function parseResolverWord(text: string, option: string): string {
  if (/^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw invalidValue(option, text, "not one plain word", "repeat the option for several");
}

/** `--hostname`; sethostname(2) takes 64 bytes. */
export function parseHostname(text: string, option: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$/.test(text)) return text;
  throw invalidValue(option, text, "not a host name", "use up to 64 letters, digits, '.' and '-'");
}
