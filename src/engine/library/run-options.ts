import path from "node:path";
import {
  type ContainerMount,
  type ContainerOptions,
  defaultContainerOptions,
  type NetworkRequest,
  type PortRequest,
} from "../../container/options.ts";
import { hasRestartPolicy } from "../../container/restart-policy.ts";
import { TsmanError } from "../../errors/index.ts";
import { faultOfOptions, faultOfProcess } from "./run-options-schema.ts";
import type { CollectOptions, MountInput, PortInput, RunOptions } from "./types.ts";

/**
 * The normal form of what a program asks for.
 *
 * @throws TsmanError USAGE, naming the option: programs without types call this too.
 */
export function containerOptionsOf(image: string, options: RunOptions): ContainerOptions {
  const what = `run image ${typeof image === "string" ? image : typeof image}`;
  if (typeof image !== "string" || image === "") {
    throw usage(what, "an image is to be named", 'name one, such as "busybox"');
  }
  const fault = faultOfOptions(options);
  if (fault !== undefined) throw usage(what, fault, "look at the type RunOptions");
  const { keep = false, env, mounts, ports, network, security, ...rest } = options;
  const {
    signal,
    onProgress,
    onWarning,
    tlsVerify,
    authFile,
    certDir,
    credentials,
    lockFile,
    ...same
  } = rest;
  const all: ContainerOptions = {
    ...defaultContainerOptions,
    ...given(same),
    image,
    detach: true,
    ephemeral: !keep,
    env: variablesOf(env, what),
    mounts: (mounts ?? []).map(mountOf),
    ports: (ports ?? []).map(portOf),
    network: networkOf(network),
    security: { ...defaultContainerOptions.security, ...given(security ?? {}) },
  };
  checkCombinations(all, keep, what);
  return all;
}

/**
 * Options of a program in a container.
 *
 * @throws TsmanError USAGE
 */
export function requireProcessOptions(options: CollectOptions, what: string): void {
  const fault = faultOfProcess(options);
  if (fault !== undefined) throw usage(what, fault, "look at the type CollectOptions");
}

/**
 * A command line.
 *
 * @throws TsmanError USAGE
 */
export function requireWords(words: readonly string[], name: string, what: string): void {
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return;
  throw usage(what, `its ${name} is no array of strings`, 'write ["program", "argument"]');
}

/**
 * Variables in the engine's form; those that are undefined are left out.
 *
 * @throws TsmanError USAGE
 */
export function variablesOf(
  env: Readonly<Record<string, string | undefined>> | undefined,
  what: string,
): readonly (readonly [name: string, value: string])[] {
  if (env !== undefined && (typeof env !== "object" || env === null)) {
    throw usage(what, "env is no object of strings");
  }
  return Object.entries(env ?? {}).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (typeof value !== "string") throw usage(what, `the value of env ${name} is no string`);
    return [[name, value] as const];
  });
}

function portOf(port: PortInput): PortRequest {
  const asked = typeof port === "number" ? { container: port } : port;
  const { container, host, hostIp = "127.0.0.1", protocol = "tcp" } = asked;
  return {
    hostIp,
    containerPort: container,
    protocol,
    ...(host !== undefined && { hostPort: host }),
  };
}

function mountOf(mount: MountInput): ContainerMount {
  const { target, readOnly = false, flags = [] } = mount;
  const shared = { target, readOnly, flags };
  switch (mount.type) {
    case "bind": {
      const { source, recursive = true, chown = false, propagation } = mount;
      const absolute = path.resolve(source);
      return { type: "bind", source: absolute, ...shared, recursive, chown, propagation };
    }
    case "volume":
      return { type: "volume", name: mount.name, ...shared, copyUp: mount.copyUp ?? true };
    case "tmpfs": {
      const { size, mode, copyUp = true } = mount;
      return { type: "tmpfs", size, mode, ...shared, copyUp };
    }
  }
}

function networkOf(network: RunOptions["network"]): NetworkRequest {
  if (network === undefined) return defaultContainerOptions.network;
  if (typeof network === "object") return network;
  if (network === "slirp4netns") return { mode: network, options: {} };
  return { mode: network };
}

function checkCombinations(options: ContainerOptions, keep: boolean, what: string): void {
  const { health, restart, network, ports } = options;
  const restarts =
    hasRestartPolicy(restart) ||
    health?.onFailure === "restart" ||
    (health?.startup?.retries ?? 0) > 0;
  if (restarts && !keep) {
    const hint = "add keep: true, or leave the restart policy out";
    throw usage(what, "what goes with this process is not started again by itself", hint);
  }
  if (ports.length > 0 && network.mode !== "slirp4netns") {
    const hint = "leave ports out, or use the network slirp4netns";
    throw usage(what, `network ${network.mode} has no ports to publish`, hint);
  }
}

/** Without the members that are undefined, so that the defaults below them stay. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function usage(what: string, why: string, hint?: string): TsmanError {
  return new TsmanError("USAGE", `${what}: ${why}`, { hint });
}
