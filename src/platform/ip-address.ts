/**
 * Which kind of IP address a text is, 0 for none; an IPv6 address may have a zone.  As `isIP` of
 * node:net, which takes 6 ms to load, half of it for the pattern of IPv6: this asks the parser of URLs.
 */
export function isIP(text: string): 0 | 4 | 6 {
  if (isIPv4(text)) return 4;
  return isIPv6(text) ? 6 : 0;
}

/** Whether a text is an IPv4 address of four decimal numbers without leading zeros. */
export function isIPv4(text: string): boolean {
  const numbers = text.split(".");
  return numbers.length === 4 && numbers.every(isByte);
}

/** Whether a text is an IPv6 address, with or without a zone. */
export function isIPv6(text: string): boolean {
  const address = sixPattern.exec(text)?.[1];
  return address !== undefined && URL.canParse(`http://[${address}]/`);
}

/** In the one way to write it; without a pattern, which each start would compile first. */
function isByte(text: string): boolean {
  const number = Number(text);
  return number >= 0 && number <= 255 && String(number) === text;
}

const sixPattern = /^([0-9A-Fa-f:.]+)(?:%[\w.-]+)?$/;
