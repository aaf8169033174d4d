import { bareHost, isAddressLiteral, isInternalAddress, isLoopbackHost } from "./addresses.ts";

/** What a client may do with the token server that a registry names. */
export type RealmVerdict =
  | { readonly kind: "trusted" }
  /** A token may be asked for, but nobody's password goes there. */
  | { readonly kind: "anonymous"; readonly why: string }
  /** Not even a request goes there. */
  | { readonly kind: "refused"; readonly why: string };

/** What {@link judgeRealm} looks at. */
export interface RealmQuestion {
  /** The realm parameter as received. */
  readonly realm: string;
  /** Where the registry was reached. */
  readonly registry: URL;
  /** Hosts that the user has named. */
  readonly trustedRealms: readonly string[];
}

/** Token servers of registries that are known to live in another domain or beside the registry. */
const knownRealms: ReadonlyMap<string, readonly string[]> = new Map([
  ["registry-1.docker.io", ["auth.docker.io"]],
]);

/**
 * Decides whether a Bearer realm may get the credentials of the registry that named it (case S51).
 *
 * Any man in the middle of an answer, and any registry that was taken over, can name a realm; so a
 * password goes only where the registry itself is, to a parent or a child of its domain, to a host
 * that is known for it or that the user has named; never from https to http; and no request at all
 * goes to this machine, an address literal or a link-local address elsewhere than the registry.
 */
export function judgeRealm(question: RealmQuestion): RealmVerdict & { readonly url?: URL } {
  const { registry, trustedRealms } = question;
  if (!URL.canParse(question.realm)) return { kind: "refused", why: "it is no URL" };
  const url = new URL(question.realm);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    return { kind: "refused", why: "it is neither https nor http" };
  }
  if (url.username !== "" || url.password !== "") {
    return { kind: "refused", why: "it holds a user name or password" };
  }
  url.hash = "";
  const isSameHost = url.hostname === registry.hostname;
  if (url.protocol === "http:" && registry.protocol === "https:") {
    return { kind: "refused", why: "it is plain http while the registry is https", url };
  }
  if (isSameHost) return { kind: "trusted", url };
  const isFromHere = isLoopbackHost(registry.host);
  if (isLoopbackHost(url.host) && isFromHere) {
    return { kind: "anonymous", why: "it is another service of this host", url };
  }
  if (isLoopbackHost(url.host) || isInternalAddress(bareHost(url.host))) {
    return { kind: "refused", why: "it is an address of this host or its cloud", url };
  }
  if (isAddressLiteral(url.host)) {
    return { kind: "refused", why: "it is a bare address", url };
  }
  if (url.protocol === "http:") return { kind: "refused", why: "it is plain http", url };
  if (isRelated(url.hostname, registry.hostname) || trustedRealms.includes(url.hostname)) {
    return { kind: "trusted", url };
  }
  if (knownRealms.get(registry.hostname)?.includes(url.hostname) === true) {
    return { kind: "trusted", url };
  }
  return { kind: "anonymous", why: "it belongs to another domain", url };
}

/** Whether one name is a parent of the other, with at least two labels in common. */
function isRelated(one: string, other: string): boolean {
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one];
  return shorter.includes(".") && !isAddressLiteral(other) && longer.endsWith(`.${shorter}`);
}
