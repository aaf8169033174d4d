import { statSync } from "node:fs";
import path from "node:path";
import { adoptConfig } from "../../bundle/adopt/adopt-config.ts";
import { deviceRules } from "../../bundle/adopt/adopt-resources.ts";
import type { Bundle } from "../../bundle/bundle.ts";
import { parseSignal } from "../../container/signals.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import {
  type DeviceRule,
  parseRuntimeConfig,
  type RuntimeConfig,
  refused,
} from "../../oci/runtime-config.ts";
import type { LinuxSeccomp } from "../../oci/runtime-spec.ts";
import { loginName } from "../../platform/login-name.ts";
import { compileAdditions, type Departure } from "../../runtime/additions.ts";
import { compilePlan } from "../../runtime/compile-plan.ts";
import type { LaunchContext } from "../../runtime/launch-context.ts";
import type { LaunchPlan } from "../../runtime/launch-plan.ts";
import { compileSeccompFilter } from "../../runtime/seccomp-filter.ts";
import { readAdoptionFacts } from "./adoption-facts.ts";
import { readGivenDocument } from "./given-document.ts";
import type { OciRecord } from "./oci-record.ts";
import type { CreateRequest, OciContext } from "./oci-types.ts";
import { wallsOf } from "./verify-start.ts";

/** A bundle that was read and found good; nothing has happened yet. */
export interface PreparedBundle {
  readonly config: RuntimeConfig;
  readonly configBytes: Uint8Array;
  readonly bundle: Bundle;
  readonly rootfs: string;
  readonly filter: Uint8Array | undefined;
  /** What its control group has to see to. */
  readonly deviceRules: readonly DeviceRule[];
}

/**
 * Reads a bundle and compiles what can be compiled before the container has a directory.
 *
 * @throws TsmanError CONFIG_INVALID with the JSON pointer, PREFLIGHT_SUBID
 */
export async function prepareBundle(
  context: OciContext,
  { bundleDir, configFile = "config.json", consoleSocket, listenFds, isRetry }: CreateRequest,
  leaves: boolean,
): Promise<PreparedBundle> {
  const file = path.resolve(bundleDir, configFile);
  const configBytes = readGivenDocument(file);
  const config = withSockets(parseRuntimeConfig(configBytes, file), listenFds);
  const isTerminal = config.process.terminal ?? false;
  if (consoleSocket !== undefined && !isTerminal) {
    throw refused("/process/terminal", "is false, and --console-socket is given");
  }
  if (leaves && isTerminal && consoleSocket === undefined) {
    throw new TsmanError("USAGE", "create container: a terminal, and nobody who takes it", {
      hint: "give --console-socket, or set /process/terminal of config.json to false",
    });
  }
  const rootfs = path.resolve(bundleDir, config.root.path);
  if (!isDirectory(rootfs)) throw refused("/root/path", `${rootfs} is no directory`);
  const facts = readAdoptionFacts(config, bundleDir);
  const bundle = adoptConfig(config, facts);
  for (const warning of isRetry === true ? [] : bundle.warnings)
    context.onWarning(`config.json: ${warning}`);
  const { seccomp } = bundle.config.linux;
  const filter = seccomp && (await compileFilter(seccomp, context.cacheDir));
  return { config, configBytes, bundle, rootfs, filter, deviceRules: deviceRules(config, facts) };
}

/** sd_listen_fds(3): the program is to know of the sockets, as with runc. */
function withSockets(config: RuntimeConfig, sockets: number): RuntimeConfig {
  const { env = [] } = config.process;
  if (sockets === 0 || env.some((one) => one.startsWith("LISTEN_FDS="))) return config;
  const told = [...env, `LISTEN_FDS=${sockets}`, "LISTEN_PID=1"];
  return { ...config, process: { ...config.process, env: told } };
}

/** @throws TsmanError CONFIG_INVALID with the place of what libseccomp or the kernel refuses */
async function compileFilter(seccomp: LinuxSeccomp, cacheDir: string): Promise<Uint8Array> {
  try {
    return await compileSeccompFilter(seccomp, cacheDir);
  } catch (error) {
    if (!isTsmanError(error, "USAGE")) throw error;
    throw refused("/linux/seccomp", error.message);
  }
}

/** What {@link planBundle} takes besides the bundle. */
export interface BundleLaunch {
  readonly record: OciRecord;
  readonly directory: string;
  readonly departure: Departure;
  /** The monitor stays, and copies what the program writes. */
  readonly foreground: boolean;
  /** The program gets the caller's own streams. */
  readonly isPassedThrough: boolean;
  readonly terminal?: { readonly rows: number; readonly columns: number } | undefined;
  readonly session?: LaunchContext["session"];
  readonly removeTree?: string | undefined;
  readonly hold: boolean;
  /** Directory of its control group. */
  readonly cgroup: string | undefined;
}

/** The plan of a prepared bundle. */
export function planBundle(
  { config, bundle, rootfs, filter, deviceRules: rules }: PreparedBundle,
  launch: BundleLaunch,
): LaunchPlan {
  const { record, directory, departure } = launch;
  const { consoleSize } = config.process;
  const additions = compileAdditions(config, {
    departure,
    deviceRules: rules,
    stateJson: (status) => stateText(record, status),
  });
  return compilePlan(bundle, {
    id: record.id,
    bundleDir: record.bundle,
    rootfs: { driver: "copy", path: rootfs },
    runDir: directory,
    cgroup: launch.cgroup,
    log: launch.isPassedThrough ? { kind: "passthrough" } : undefined,
    terminal:
      launch.terminal ??
      (consoleSize === undefined
        ? undefined
        : { rows: consoleSize.height, columns: consoleSize.width }),
    foreground: launch.foreground,
    forwardStdin: true,
    hold: launch.hold,
    stopSignal: parseSignal("SIGTERM"),
    stopTimeoutMs: 10_000,
    removeTree: launch.removeTree,
    session: launch.session,
    seccompFilter: filter,
    additions,
  });
}

/** The state for a hook that init runs; it fills in the pid as it sees it itself. */
function stateText(record: OciRecord, status: "creating" | "created"): string {
  const { ociVersion, id, bundle, annotations } = record;
  const rest = JSON.stringify({ bundle, annotations }).slice(1);
  return `{"ociVersion":${JSON.stringify(ociVersion)},"id":${JSON.stringify(id)},"status":"${status}","pid":{pid},${rest}`;
}

/** The record of a new container. */
export function newRecord(
  { id, bundleDir }: CreateRequest,
  { config, bundle, rootfs, filter }: PreparedBundle,
): OciRecord {
  const isOwn = (wanted: "pid" | "mount"): boolean =>
    bundle.config.linux.namespaces.some(
      ({ type, path: joined }) => type === wanted && joined === undefined,
    );
  return {
    ociVersion: config.ociVersion,
    id,
    bundle: bundleDir,
    rootfs,
    created: new Date().toISOString(),
    owner: loginName() ?? "",
    annotations: config.annotations ?? {},
    walls: wallsOf(
      bundle.config.process.capabilities.bounding,
      config.process.noNewPrivileges ?? false,
      filter !== undefined,
    ),
    hasOwnPids: isOwn("pid"),
    hasOwnMounts: isOwn("mount"),
    hooks: {
      poststart: (config.hooks?.poststart ?? []).length > 0,
      poststop: (config.hooks?.poststop ?? []).length > 0,
    },
  };
}

function isDirectory(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
