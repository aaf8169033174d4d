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
import type { MountInput, PortInput, RunOptions } from "./types.ts";

type Kind =
  | "text"
  | "texts"
  | "truth"
  | "number"
  | "texts by name"
  | "list"
  | "object"
  | "function";

/** What each option has to be; the compiler sees to it that none is missing. */
const kinds: { readonly [K in keyof Required<RunOptions>]: Kind | readonly Kind[] } = {
  command: "texts",
  entrypoint: "texts",
  name: "text",
  replace: "truth",
  tty: "truth",
  env: "object",
  unsetEnv: "texts",
  unsetEnvAll: "truth",
  labels: "texts by name",
  annotations: "texts by name",
  mounts: "list",
  readOnly: "truth",
  readOnlyTmpfs: "truth",
  workdir: "text",
  user: "text",
  groupAdd: "texts",
  ports: "list",
  publishAll: "truth",
  expose: "list",
  network: ["text", "object"],
  hostname: "text",
  addHosts: "list",
  noHosts: "truth",
  dns: "texts",
  dnsSearch: "texts",
  dnsOptions: "texts",
  capAdd: "texts",
  capDrop: "texts",
  security: "object",
  privileged: "truth",
  ulimits: "list",
  init: "truth",
  pull: "text",
  restart: "object",
  platform: "object",
  cidFile: "text",
  pidFile: "text",
  stopSignal: "text",
  stopTimeout: "number",
  timeout: "number",
  shmSize: "number",
  devices: "list",
  tz: "text",
  umask: "number",
  userns: "object",
  pid: "object",
  ipc: "object",
  uts: "object",
  sysctls: "texts by name",
  health: "object",
  logDriver: "text",
  logMaxSize: "number",
  logMaxFiles: "number",
  logPath: "text",
  logTag: "text",
  oomScoreAdj: "number",
  keep: "truth",
  signal: "object",
  onProgress: "function",
  onWarning: "function",
  tlsVerify: "truth",
  authFile: "text",
  credentials: "object",
};

/** Members of {@link RunOptions} that are no members of ContainerOptions. */
type OwnMember =
  | "keep"
  | "signal"
  | "onProgress"
  | "onWarning"
  | "tlsVerify"
  | "authFile"
  | "credentials";

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
  checkKinds(options, what);
  const { keep = false, env, mounts, ports, network, security, ...rest } = options;
  const { signal, onProgress, onWarning, tlsVerify, authFile, credentials, ...same } = rest;
  const all: ContainerOptions = {
    ...defaultContainerOptions,
    ...given<Omit<typeof same, OwnMember>>(same),
    image,
    detach: true,
    ephemeral: !keep,
    env: variablesOf(env, what),
    mounts: (mounts ?? []).map((mount) => mountOf(mount, what)),
    ports: (ports ?? []).map((port) => portOf(port, what)),
    network: networkOf(network, what),
    security: { ...defaultContainerOptions.security, ...given(security ?? {}) },
  };
  checkCombinations(all, keep, what);
  return all;
}

function checkKinds(options: RunOptions, what: string): void {
  if (!isObject(options)) throw usage(what, "its options are no object", "pass an object");
  for (const [name, value] of Object.entries(options) as [string, unknown][]) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name as keyof RunOptions] : undefined;
    if (kind === undefined) {
      throw usage(
        what,
        `there is no option ${JSON.stringify(name)}`,
        "look at the type RunOptions",
      );
    }
    const allowed = typeof kind === "string" ? [kind] : kind;
    if (value !== undefined && !allowed.some((one) => isKind[one](value))) {
      throw usage(what, `option ${name} is no ${allowed.map((one) => nouns[one]).join(" or ")}`);
    }
  }
}

const nouns: Readonly<Record<Kind, string>> = {
  text: "string",
  texts: "array of strings",
  truth: "boolean",
  number: "number",
  "texts by name": "object of strings",
  list: "array",
  object: "object",
  function: "function",
};

const isText = (value: unknown): value is string => typeof value === "string";
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isKind: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  text: isText,
  texts: (value) => Array.isArray(value) && value.every(isText),
  truth: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number" && Number.isSafeInteger(value),
  "texts by name": (value) => isObject(value) && Object.values(value).every(isText),
  list: Array.isArray,
  object: isObject,
  function: (value) => typeof value === "function",
};

/**
 * A command line.
 *
 * @throws TsmanError USAGE
 */
export function requireWords(words: readonly string[], name: string, what: string): void {
  if (isKind.texts(words)) return;
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
  if (env !== undefined && !isObject(env)) throw usage(what, "env is no object of strings");
  return Object.entries(env ?? {}).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (!isText(value)) throw usage(what, `the value of env ${name} is no string`);
    return [[name, value] as const];
  });
}

function portOf(port: PortInput, what: string): PortRequest {
  const asked = isObject(port) ? port : { container: port as number };
  const { container, host, hostIp = "127.0.0.1", protocol = "tcp" } = asked;
  for (const number of host === undefined ? [container] : [container, host]) {
    if (!Number.isInteger(number) || number < 1 || number > 65_535) {
      throw usage(what, `${JSON.stringify(number)} is no port`, "ports go from 1 to 65535");
    }
  }
  if (protocol !== "tcp" && protocol !== "udp") {
    throw usage(
      what,
      `port ${container} has protocol ${JSON.stringify(protocol)}`,
      "use tcp or udp",
    );
  }
  if (!isText(hostIp)) throw usage(what, `hostIp of port ${container} is no string`);
  return {
    hostIp,
    containerPort: container,
    protocol,
    ...(host !== undefined && { hostPort: host }),
  };
}

function mountOf(mount: MountInput, what: string): ContainerMount {
  const { target } = isObject(mount) ? mount : { target: undefined };
  if (!isText(target)) throw usage(what, "a mount has no target", "name a path in the container");
  const shared = { target, readOnly: mount.readOnly ?? false, flags: mount.flags ?? [] };
  switch (mount.type) {
    case "bind": {
      const { source, recursive = true, chown = false, propagation } = mount;
      if (!isText(source) || source === "") throw usage(what, `mount ${target} has no source`);
      return {
        type: "bind",
        source: path.resolve(source),
        ...shared,
        recursive,
        chown,
        propagation,
      };
    }
    case "volume":
      return { type: "volume", name: mount.name, ...shared, copyUp: mount.copyUp ?? true };
    case "tmpfs": {
      const { size, mode, copyUp = true } = mount;
      return { type: "tmpfs", size, mode, ...shared, copyUp };
    }
    default: {
      const { type } = mount as { readonly type: unknown };
      const hint = 'use "bind", "volume" or "tmpfs"';
      throw usage(what, `mount ${target} has type ${JSON.stringify(type)}`, hint);
    }
  }
}

function networkOf(network: RunOptions["network"], what: string): NetworkRequest {
  if (network === undefined) return defaultContainerOptions.network;
  if (!isText(network)) return network;
  if (network === "slirp4netns") return { mode: network, options: {} };
  if (network === "none" || network === "host") return { mode: network };
  const hint = 'use "slirp4netns", "none", "host" or { mode: "container", container }';
  throw usage(what, `there is no network ${JSON.stringify(network)}`, hint);
}

function checkCombinations(options: ContainerOptions, keep: boolean, what: string): void {
  const { health, restart, network, ports, logDriver } = options;
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
  if (logDriver === "passthrough") {
    throw usage(what, "log driver passthrough needs descriptors", "use another one");
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
