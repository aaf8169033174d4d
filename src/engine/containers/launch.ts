import path from "node:path";
import process from "node:process";
import { healthPolicy } from "../../container/health-policy.ts";
import { writePidFile } from "../../container/pid-file.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import { explainUsernsFailure } from "../../rootless/userns-preflight.ts";
import { compilePlan } from "../../runtime/compile-plan.ts";
import { monitorFailureOf } from "../../runtime/failure.ts";
import type { LaunchPlan } from "../../runtime/launch-plan.ts";
import { startMonitor } from "../../runtime/monitor-client.ts";
import type { MonitorHandle } from "../../runtime/monitor-handle.ts";
import type { ContainerPort } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import type { OwnedIo } from "../owned-session.ts";
import type { HandOver } from "../types.ts";
import { forgetGroup, type LaunchGroup, prepareGroup, withRlimits } from "./container-cgroup.ts";
import { type ContainerNetwork, planNetwork } from "./container-network.ts";
import { assertWanted, handOver, mayHandOver, sessionWords } from "./hand-over.ts";
import { type LaunchParts, launchContext } from "./launch-context.ts";
import type { ContainerPlan } from "./plan-container.ts";
import {
  firstDriver,
  isDriverFailure,
  nextDriver,
  prepareRootfs,
  type RootfsDriver,
  rememberDriver,
} from "./rootfs-driver.ts";
import { assertNothingTraceable, assertUnwatched } from "./watchers.ts";
import { writeBundle } from "./write-bundle.ts";

/** What {@link launch} takes besides the plan of the container. */
export interface LaunchRequest {
  readonly io: OwnedIo;
  /** The compiled filter; missing: none. */
  readonly seccompFilter: Uint8Array | undefined;
  /** How many restarts in a row have led to short lives; missing: none. */
  readonly restartStreak?: number | undefined;
  /** It is only initialized: this process lets go of it before the program runs; the boot's id. */
  readonly stay?: string | undefined;
  /** With which an earlier start has put its root together: what was written lies there. */
  readonly driver?: RootfsDriver | undefined;
}

/** A container that has been started. */
export interface Launched {
  readonly handle: MonitorHandle;
  readonly driver: RootfsDriver;
  /** Published ports as they are in force. */
  readonly ports: readonly ContainerPort[];
}

/**
 * Starts the monitor, with the next best root file system when the kernel refuses one, publishes
 * the ports and lets the program go; resolves when its execve has succeeded.
 *
 * @throws TsmanError why not; then nothing of it runs any more.
 */
export async function launch(
  context: EngineContext,
  planned: ContainerPlan,
  request: LaunchRequest,
): Promise<Launched> {
  const runDir = context.store.containers.ensureRunDir(planned.id);
  const network = await planNetwork(planned.options, planned.network, runDir);
  for (let driver = request.driver ?? firstDriver(context); ; ) {
    driver = tracelessDriver(planned, request, driver);
    try {
      const handle = await start(context, planned, request, { network, driver });
      if (planned.options.rootfs === undefined && !seesHost(planned)) {
        rememberDriver(context, driver);
      }
      return { handle, driver, ports: network.ports };
    } catch (error) {
      // Its monitor removes it, if there was one.
      forgetGroup(runDir);
      const failure = monitorFailureOf(error);
      const next = request.driver === undefined ? nextDriver(driver) : undefined;
      if (failure === undefined || next === undefined || !isDriverFailure(failure, driver)) {
        // What the runtime can only report, the rootless part can explain.
        if (isTsmanError(error, "PREFLIGHT_USERNS") && failure !== undefined) {
          throw explainUsernsFailure(failure);
        }
        throw error;
      }
      driver = next;
    }
  }
}

/** Where there is no control group and rlimits are to do what they can; exec reads them too. */
async function limitedOtherwise(
  context: EngineContext,
  planned: ContainerPlan,
  { rlimits, warnings }: LaunchGroup,
  io: OwnedIo,
): Promise<ContainerPlan> {
  for (const warning of warnings) io.onWarning?.(warning);
  if (rlimits.length === 0) return planned;
  const limited = { ...planned, bundle: withRlimits(planned.bundle, rlimits) };
  await writeBundle(context, { ...limited, isNew: false });
  return limited;
}

interface Attempt {
  readonly network: ContainerNetwork;
  readonly driver: RootfsDriver;
}

/** Who takes this process's place, if the start is one that takes no more decisions. */
function successorOf(
  { options, volumes }: ContainerPlan,
  { io }: LaunchRequest,
  { network }: Attempt,
): HandOver | undefined {
  // It publishes no ports.  A driver that fails brings it back here.
  return network.ports.length > 0 || !mayHandOver(options, volumes) ? undefined : io.handOver;
}

/**
 * fuse-overlayfs is a program of the host's in the container's user namespace, as long as the
 * container lives: one that sees the host's processes could trace it, and get at the host.
 *
 * @throws TsmanError USAGE for a container whose files are in its keeping.
 */
function tracelessDriver(
  planned: ContainerPlan,
  request: LaunchRequest,
  driver: RootfsDriver,
): RootfsDriver {
  if (driver !== "fuse-overlayfs" || !seesHost(planned)) return driver;
  if (request.driver === undefined) return "copy";
  throw new TsmanError(
    "USAGE",
    `start container ${planned.name}: with the host's processes it could trace fuse-overlayfs, which has its files`,
    { hint: "make it anew without --pid host: tsman container clone" },
  );
}

function seesHost({ bundle }: ContainerPlan): boolean {
  return !bundle.config.linux.namespaces.some(({ type }) => type === "pid");
}

/** What of the host's is started in a user namespace that is not only the new container's. */
function assertHelpersUnwatched(
  context: EngineContext,
  planned: ContainerPlan,
  { network, driver }: Attempt,
): void {
  const { name, bundle } = planned;
  if (bundle.joinOwner === undefined) return;
  const { pid } = bundle.joinOwner;
  if (network.helper !== undefined) assertUnwatched(context, { pid, name, helper: "slirp4netns" });
  if (driver === "fuse-overlayfs") assertUnwatched(context, { pid, name, helper: driver });
  if (seesHost(planned)) assertNothingTraceable(context, { pid, name });
}

async function start(
  context: EngineContext,
  planned: ContainerPlan,
  request: LaunchRequest,
  { network, driver }: Attempt,
): Promise<MonitorHandle> {
  const { options } = planned;
  const { io, seccompFilter } = request;
  const rootfs = await prepareRootfs(context, planned, driver);
  assertHelpersUnwatched(context, planned, { network, driver: rootfs.driver });
  const { stay } = request;
  const hold = network.ports.length > 0 || io.beforeStart !== undefined || stay !== undefined;
  const policy = healthPolicy(options.health, planned.image?.config.config);
  // native/session.c knows by the plan.
  const executesItself = policy !== undefined || planned.bundle.useInit;
  let group: LaunchGroup | undefined;
  /** What is launched, for the process that is to be the monitor, or to become its parent. */
  const compile = async (pid: number, more: Partial<LaunchParts> = {}): Promise<LaunchPlan> => {
    group ??= await prepareGroup(context, planned, pid, io);
    const limited = await limitedOtherwise(context, planned, group, io);
    const health =
      policy === undefined
        ? undefined
        : (await import("./health-launch.ts")).healthLaunch(
            context,
            limited,
            policy,
            seccompFilter,
            group.path,
          );
    const all = { ...parts, health, cgroup: group.path, ...more };
    return compilePlan(limited.bundle, launchContext(context, limited, all));
  };
  const parts = {
    rootfs,
    networkHelper: network.helper,
    hold,
    stay,
    terminal: io.terminal,
    seccompFilter,
    restartStreak: request.restartStreak,
    isEphemeral: io.ephemeral,
    preserve: io.preserve?.length,
  };
  const successor = successorOf(planned, request, { network, driver });
  if (successor !== undefined) {
    assertWanted(io, successor);
    // Nobody can afterwards; see launchContainer.
    if (driver !== (request.driver ?? "overlay")) {
      context.store.containers.update(planned.id, { driver });
    }
    const session = {
      words: sessionWords(successor, options.detach),
      removedMark: options.remove ? context.store.containers.removedMark(planned.id) : "",
      prepared: planned.prepared,
    };
    const plan = await compile(process.pid, { hold: successor.isTyped, session });
    assertWanted(io, successor);
    const runDir = context.store.containers.runDir(planned.id);
    handOver(plan, planned.id, runDir, successor, planned.prepared);
  }
  io.beforeMonitor?.();
  const handle = await startMonitor({
    plan: (pid) => compile(pid),
    siblings: executesItself
      ? undefined
      : path.dirname(context.store.containers.runDir(planned.id)),
    // What is passed through is the caller's even of a container in the background.
    stdio:
      options.detach && options.logDriver !== "passthrough"
        ? { stdin: "ignore", stdout: "ignore", stderr: "ignore" }
        : { stdin: io.stdin, stdout: io.stdout, stderr: io.stderr },
    preserve: io.preserve,
    signal: io.signal,
    onWarning: io.onWarning,
  });
  try {
    if (options.monitorPidFile !== undefined) writePidFile(options.monitorPidFile, handle.pid);
    if (hold) {
      // The caller gets ready while the container does; nothing is waited for when that fails.
      const ready = Promise.all([handle.ready, io.beforeStart?.()]);
      await Promise.race([ready, handle.started]);
      if (network.ports.length > 0) await network.publish();
      if (stay !== undefined) {
        handle.disconnect();
        return handle;
      }
      handle.start();
    }
    await handle.started;
    return handle;
  } catch (error) {
    // Without START the monitor would wait for ever; it goes away with what it has made.
    await handle.end();
    throw error;
  }
}
