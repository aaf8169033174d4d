import { isIPv4 } from "node:net";

const sixPattern = /^([0-9A-Fa-f:.]+)(?:%[\w.-]+)?$/;

/**
 * Whether a text is an IPv4 or IPv6 address, the latter with or without a zone.  As `isIP` of
 * node:net, whose pattern for IPv6 takes 5 ms to compile: this asks the parser of URLs.
 */
export function isIpAddress(text: string): boolean {
  const six = sixPattern.exec(text)?.[1];
  return isIPv4(text) || (six !== undefined && URL.canParse(`http://[${six}]/`));
}
