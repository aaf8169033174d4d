import dns from "node:dns";
import type { LookupFunction } from "node:net";
import { TsmanError } from "../errors/index.ts";
import { isInternalAddress } from "./addresses.ts";

/**
 * Resolves the name of a host that a registry has sent us to.  Addresses of this machine and of its
 * cloud's metadata service are left out, and a name that has no others does not resolve: what is
 * checked here is what is connected to, so that a second answer of the name server changes nothing
 * (case S51).
 */
export const lookupOutside: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, "", 0);
      return;
    }
    const outside = addresses.filter(({ address }) => !isInternalAddress(address));
    const [first] = outside;
    if (first === undefined) {
      callback(internalName(hostname), "", 0);
    } else if (options.all === true) {
      callback(null, outside);
    } else {
      callback(null, first.address, first.family);
    }
  });
};

function internalName(hostname: string): TsmanError {
  return new TsmanError(
    "REGISTRY_RESPONSE",
    `connect to ${hostname}: the name leads to an address of this host or its cloud`,
    { hint: "the registry sent us there: it is set up wrongly or hostile" },
  );
}
