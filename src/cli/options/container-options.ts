import path from "node:path";
import { assertContainerName } from "../../container/names.ts";
import {
  type ContainerMount,
  type ContainerOptions,
  defaultContainerOptions,
  type NetworkRequest,
  type SecurityOptions,
} from "../../container/options.ts";
import { hasRestartPolicy } from "../../container/restart-policy.ts";
import { invalidValue, unsupported, usageError } from "../usage-error.ts";
import {
  type CallerEnvironment,
  parseEnvironmentFile,
  parseEnvironmentVariable,
} from "./environment-variables.ts";
import { healthOptions } from "./health.ts";
import { hostVariables } from "./host-environment.ts";
import { parseLabelLines } from "./key-value.ts";
import { cgroupOptions, limitOptions } from "./limits.ts";
import { logOptions } from "./log.ts";
import { parseMount } from "./mount.ts";
import { modeText } from "./namespaces.ts";
import { platformOf } from "./platform.ts";
import type { RunValues } from "./run-options.ts";
import { parseSecurityOptions } from "./security-opt.ts";
import { usernsRequest } from "./userns.ts";
import { parseVolume } from "./volume.ts";
import { parseImageOrigin } from "./words.ts";

/** What the conversion needs of its caller. */
export interface Caller {
  readonly cwd: string;
  readonly environment: CallerEnvironment;
  /** Reads a text file that an option names; throws a TsmanError that names the option. */
  readonly readText: (path: string, option: string) => string;
}

/** The normal form of `tsman run`'s command line. */
export interface ConvertedOptions {
  readonly options: ContainerOptions;
  /** What the user should know, such as options without effect. */
  readonly warnings: readonly string[];
}

/**
 * Turns parsed options and positionals into {@link ContainerOptions}.
 *
 * @throws TsmanError USAGE, NAME_INVALID, REFERENCE_INVALID, OPTION_UNSUPPORTED
 */
export function containerOptions(
  values: RunValues,
  positionals: readonly string[],
  caller: Caller,
): ConvertedOptions {
  const [image, ...command] = positionals;
  if (image === undefined) {
    throw usageError(
      `name ${values.rootfs ? "the root directory" : "an image"}: it is missing`,
      "write it after the options: [OPTIONS] IMAGE [COMMAND [ARGUMENT…]], such as --rm busybox date",
    );
  }
  // As with Podman and Docker: `--name "$NAME"` without such a variable asks for no name.
  const name = values.name === "" ? undefined : values.name;
  if (name !== undefined) assertContainerName(name);
  if (values.replace && name === undefined) {
    throw usageError(
      "use --replace: without --name there is nothing to replace",
      "add --name NAME",
    );
  }
  if (values.rmi && (values.detach || values.rootfs)) {
    throw unsupported(
      `--rmi with --${values.detach ? "detach" : "rootfs"}`,
      values.detach ? "nobody waits for the end" : "there is no image",
      "use --rm",
    );
  }
  const warnings: string[] = [];
  const network = oneNetwork(values.network);
  const limits = limitOptions(values);
  const conf =
    values["cgroup-conf"].length > 0 ? Object.fromEntries(values["cgroup-conf"]) : undefined;
  const ports = publishedPorts(values, network, warnings);
  const options: ContainerOptions = {
    ...defaultContainerOptions,
    ...(values.rootfs
      ? { rootfs: parseRootfs(image, caller.cwd) }
      : { image: parseImageOrigin(image) }),
    command,
    replace: values.replace,
    remove: values.rm || values.rmi,
    detach: values.detach,
    interactive: values.interactive || values.attach.includes("stdin"),
    tty: values.tty,
    env: variables(values, caller),
    unsetEnv: values.unsetenv,
    unsetEnvAll: values["unsetenv-all"],
    labels: Object.fromEntries([
      ...values["label-file"].flatMap((file) =>
        parseLabelLines(caller.readText(file, "--label-file"), "--label-file"),
      ),
      ...values.label,
    ]),
    annotations: Object.fromEntries(values.annotation),
    mounts: mounts(values, caller.cwd),
    readOnly: values["read-only"],
    readOnlyTmpfs: values["read-only-tmpfs"],
    groupAdd: values["group-add"],
    ports,
    publishAll: values["publish-all"] && hasPorts(network),
    expose: values.expose.flat(),
    network,
    addHosts: values["add-host"].flat(),
    noHosts: values["no-hosts"],
    dns: values.dns,
    dnsSearch: values["dns-search"],
    dnsOptions: values["dns-option"],
    capAdd: values["cap-add"].flatMap(splitWords),
    capDrop: values["cap-drop"].flatMap(splitWords),
    security: securityOptions(values, caller.cwd),
    privileged: values.privileged,
    ...(values["quiet-guards"] && { quietGuards: true }),
    ulimits: values.ulimit,
    init: values.init,
    devices: values.device,
    sysctls: Object.fromEntries(values.sysctl),
    ...(values["disable-userns"] && { disableUserns: true }),
    ...logOptions(values["log-driver"], values["log-opt"], caller.cwd),
    ...given({
      entrypoint: values.entrypoint,
      name,
      workdir: values.workdir,
      user: values.user,
      hostname: values.hostname,
      pull: values.pull,
      restart: values.restart,
      platform: platformOf(values),
      cidFile: absolute(values.cidfile, caller.cwd),
      monitorPidFile: absolute(values["conmon-pidfile"], caller.cwd),
      pidFile: absolute(values.pidfile, caller.cwd),
      stopSignal: values["stop-signal"],
      stopTimeout: values["stop-timeout"],
      // Podman: 0 is no limit.
      timeout: values.timeout === 0 ? undefined : values.timeout,
      shmSize: values["shm-size"],
      tz: values.tz,
      umask: values.umask,
      accounts: accountOptions(values),
      personality: values.personality,
      chrootDirs: values.chrootdirs.length > 0 ? values.chrootdirs.flat() : undefined,
      requires: values.requires.length > 0 ? values.requires.flat() : undefined,
      userns: usernsRequest(values),
      pid: values.pid,
      ipc: values.ipc,
      uts: values.uts,
      health: healthOptions(values),
      limits: conf === undefined ? limits : { ...limits, conf },
      cgroup: cgroupOptions(values, limits),
      oomScoreAdj: values["oom-score-adj"],
      detachKeys: values["detach-keys"],
      hostEnv: hostVariables(values, caller.environment),
      envMerge: values["env-merge"].length > 0 ? values["env-merge"] : undefined,
      imageVolumes: imageVolumes(values["image-volume"]),
      volumesFrom: values["volumes-from"].length > 0 ? values["volumes-from"] : undefined,
    }),
  };
  if (options.detach && values.attach.length > 0) {
    throw usageError(
      "use --attach: with --detach nothing is connected",
      "leave one of them out; tsman attach connects later",
    );
  }
  checkCombinations(options);
  return { options, warnings };
}

function securityOptions(values: RunValues, cwd: string): SecurityOptions {
  const security = parseSecurityOptions(values["security-opt"], "--security-opt", cwd);
  if (values["seccomp-policy"] !== "image") return security;
  if (security.seccomp === "default") return { ...security, seccomp: "image" };
  throw usageError(
    "use --seccomp-policy image: --security-opt seccomp names another filter",
    "leave one of them out",
  );
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that are undefined, so that the defaults below them stay. */
function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined),
  ) as Given<T>;
}

function accountOptions(values: RunValues): ContainerOptions["accounts"] {
  const { passwd, hostuser } = values;
  const accounts = given({
    isAdded: passwd ? undefined : false,
    passwdEntry: values["passwd-entry"],
    groupEntry: values["group-entry"],
    hostUsers: hostuser.length > 0 ? hostuser : undefined,
  });
  return Object.keys(accounts).length > 0 ? accounts : undefined;
}

/** Podman 4 says "bind" where it makes anonymous volumes. */
function imageVolumes(mode: RunValues["image-volume"]): ContainerOptions["imageVolumes"] {
  return mode === "tmpfs" || mode === "ignore" ? mode : undefined;
}

function absolute(file: string | undefined, cwd: string): string | undefined {
  return file === undefined ? undefined : path.resolve(cwd, file);
}

function splitWords(text: string): string[] {
  return text.split(",");
}

/** `--rootfs PATH[:O]`. */
function parseRootfs(text: string, cwd: string): { path: string; overlay: boolean } {
  const match = /^(.+?)(?::([^/:]*))?$/.exec(text);
  const suffix = match?.[2];
  if (suffix !== undefined && suffix !== "O") {
    if (suffix.startsWith("idmap")) {
      throw unsupported(
        "--rootfs …:idmap",
        "the kernel maps mounts for the host's root only",
        "leave it out",
      );
    }
    throw invalidValue(
      "--rootfs",
      text,
      `unknown option ${JSON.stringify(suffix)}`,
      "write PATH or PATH:O",
    );
  }
  return { path: path.resolve(cwd, match?.[1] ?? text), overlay: suffix === "O" };
}

/** Files first, in order, then `--env`, so that the nearer word wins. */
function variables(values: RunValues, caller: Caller): ContainerOptions["env"] {
  return [
    ...values["env-file"].flatMap((file) =>
      parseEnvironmentFile(
        caller.readText(file, "--env-file"),
        file,
        "--env-file",
        caller.environment,
      ),
    ),
    ...values.env.flatMap((text) => parseEnvironmentVariable(text, "--env", caller.environment)),
  ];
}

function mounts(values: RunValues, cwd: string): readonly ContainerMount[] {
  const all = [
    ...values.volume.map((text) => parseVolume(text, "--volume", cwd)),
    ...values.mount.map((text) => parseMount(text, "--mount", cwd)),
    ...values.tmpfs,
  ];
  const targets = new Set<string>();
  for (const { target } of all) {
    if (targets.has(target)) {
      throw usageError(`mount on ${target}: two mounts have this target`, "take one of them out");
    }
    targets.add(target);
  }
  return all;
}

function oneNetwork(requests: readonly NetworkRequest[]): NetworkRequest {
  if (requests.length > 1) {
    throw unsupported("--network, repeated,", "a container has one network", "give it once");
  }
  return requests[0] ?? defaultContainerOptions.network;
}

function hasPorts(network: NetworkRequest): boolean {
  return network.mode === "slirp4netns";
}

/** Podman's rule: without a network of its own, a container has no ports to publish. */
function publishedPorts(
  values: RunValues,
  network: NetworkRequest,
  warnings: string[],
): ContainerOptions["ports"] {
  const ports = values.publish.flat();
  if (hasPorts(network)) return ports;
  if (ports.length > 0 || values["publish-all"]) {
    warnings.push(`published ports have no effect with --network ${modeText(network)}`);
  }
  return [];
}

function checkCombinations(options: ContainerOptions): void {
  if (options.hostname !== undefined && options.uts.mode !== "private") {
    throw usageError(
      `use --hostname: with --uts ${modeText(options.uts)} the name belongs to another`,
      "leave one of them out",
    );
  }
  const mayRestart =
    options.health?.onFailure === "restart" || (options.health?.startup?.retries ?? 0) > 0;
  if (options.remove && mayRestart) {
    throw usageError(
      "use --rm: a container that a health check restarts cannot be removed at its end",
      "leave --rm out, or use --health-on-failure kill or stop",
    );
  }
  if (options.logDriver === "passthrough" && options.tty) {
    throw usageError(
      "use --log-driver passthrough: the program's terminal would be yours",
      "leave -t out, or use another log driver",
    );
  }
  if (options.remove && hasRestartPolicy(options.restart)) {
    throw usageError(
      `use --restart ${options.restart?.policy}: --rm removes the container when it ends`,
      "leave one of them out",
    );
  }
  if (options.addHosts.length > 0 && options.noHosts) {
    throw usageError("use --add-host: --no-hosts takes the file away", "leave one of them out");
  }
}
