import process from "node:process";

/**
 * The only reader of `process.env` in tsman; everything else takes what it needs as a value.
 * An empty variable counts as missing, as the XDG base directory specification says.
 */
export function environmentVariable(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** What bin/tsman tells the C library of its Node, where the caller says nothing to it. */
const ownTunables = "glibc.malloc.top_pad=4194304";

/** A copy of the caller's environment, for `--env NAME` (value taken from the caller) and the like. */
export function callerEnvironment(): Readonly<Record<string, string | undefined>> {
  const { GLIBC_TUNABLES: tunables, ...environment } = process.env;
  if (tunables === undefined || tunables === ownTunables) return environment;
  return { ...environment, GLIBC_TUNABLES: tunables };
}

/** The proxy variables that HTTP clients honour, in either spelling; lower case wins as in curl. */
export interface ProxyEnvironment {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** Which spelling of a proxy variable counts. */
export function proxyVariable(name: string): string {
  return environmentVariable(name) === undefined ? name.toUpperCase() : name;
}

/** Reads `http_proxy`, `https_proxy` and `no_proxy`. */
export function proxyEnvironment(): ProxyEnvironment {
  return {
    // Upper-case HTTP_PROXY can be set by a CGI request header (httpoxy); lower case cannot.
    http: environmentVariable("http_proxy") ?? environmentVariable("HTTP_PROXY"),
    https: environmentVariable("https_proxy") ?? environmentVariable("HTTPS_PROXY"),
    noProxy: environmentVariable("no_proxy") ?? environmentVariable("NO_PROXY"),
  };
}

/** TSMAN_LIMITS: what an image may ask of this machine, `readLimits` of layer. */
export function unpackLimits(): string | undefined {
  return environmentVariable("TSMAN_LIMITS");
}

/** Where helper programs are looked for; never the caller's PATH, which a project may control. */
export const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
