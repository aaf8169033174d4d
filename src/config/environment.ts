import process from "node:process";

/**
 * The only reader of `process.env` in tsman; everything else takes what it needs as a value.
 * An empty variable counts as missing, as the XDG base directory specification says.
 */
export function environmentVariable(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/**
 * What bin/tsman, where the caller says nothing to it, and bin/tsman-oci (native/launch-oci.c) tell the engine
 * that runs tsman: little memory management and, in a Bun that lives for milliseconds, no compiler and
 * no crash reports.
 */
const ownSettings: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: "glibc.malloc.top_pad=4194304",
  BUN_JSC_useJIT: "0",
  MIMALLOC_ALLOW_THP: "1",
  BUN_ENABLE_CRASH_REPORTING: "0",
};

/** A copy of the caller's environment, for `--env NAME` (value taken from the caller) and the like. */
export function callerEnvironment(): Readonly<Record<string, string | undefined>> {
  const environment = { ...process.env };
  for (const name of Object.keys(ownSettings)) {
    if (environment[name] === ownSettings[name]) delete environment[name];
  }
  return environment;
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
