import { accessSync, constants, readFileSync } from "node:fs";
import os from "node:os";
import { findProgram } from "../config/find-program.ts";
import type { NetworkRequest } from "../container/options.ts";
import { TsmanError } from "../errors/index.ts";
import { chooseResolverConfig, type ResolverConfig } from "./resolv-conf.ts";

/** What a container's network depends on; {@link readNetworkFacts} finds it out. */
export interface NetworkFacts {
  /** Contents of the host's /etc/hosts. */
  readonly hosts: string;
  readonly resolver: ResolverConfig;
  /** The host's first address that is not on loopback. */
  readonly hostAddress?: string | undefined;
}

/** A hosts file of an ad blocker can be megabytes; a container gets none of that. */
const maxHostsBytes = 256 * 1024;

/**
 * Reads the host's name resolution and, for a container that has a way there, its address.
 *
 * @param mode of the container's network.
 */
export function readNetworkFacts(mode: NetworkRequest["mode"]): NetworkFacts {
  const hosts = readText("/etc/hosts") ?? "";
  const hostAddress = mode === "slirp4netns" ? firstAddress() : undefined;
  return {
    hosts: hosts.length > maxHostsBytes ? "" : hosts,
    resolver: chooseResolverConfig(
      readText("/etc/resolv.conf") ?? "",
      readText("/run/systemd/resolve/resolv.conf"),
    ),
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function firstAddress(): string | undefined {
  return Object.values(os.networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((one) => one.family === "IPv4" && !one.internal)?.address;
}

/**
 * The path of slirp4netns, once it is known that it can work.
 *
 * @throws TsmanError PREFLIGHT_NETWORK naming the remedy and the alternative
 */
export function requireSlirp4netns(): string {
  const program = findProgram("slirp4netns");
  if (program === undefined) {
    throw new TsmanError("PREFLIGHT_NETWORK", "set up network: slirp4netns is not installed", {
      hint: "install it (apt install slirp4netns), or use --network none or --network host",
    });
  }
  const tun = "/dev/net/tun";
  try {
    accessSync(tun, constants.R_OK | constants.W_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new TsmanError(
      "PREFLIGHT_NETWORK",
      `set up network: ${tun} ${isMissing ? "does not exist" : "may not be opened"}`,
      {
        hint: isMissing
          ? "have an administrator run: modprobe tun; or use --network none or --network host"
          : `have an administrator run: chmod 666 ${tun}; or use --network none or --network host`,
        cause: error,
      },
    );
  }
  return program;
}
