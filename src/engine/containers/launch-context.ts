import path from "node:path";
import { mayRestart } from "../../container/health-policy.ts";
import { defaultDetachKeys } from "../../container/options.ts";
import { hasRestartPolicy, longLifeMs, restartDelay } from "../../container/restart-policy.ts";
import { parseSignal } from "../../container/signals.ts";
import { exitFileName } from "../../container/state.ts";
import type { HealthLaunch, LaunchContext, RootfsPlan } from "../../runtime/launch-context.ts";
import type { EngineContext } from "../context.ts";
import type { TerminalSize } from "../types.ts";
import { cleanupCommand } from "./cleanup-command.ts";
import { monitorEvents } from "./container-events.ts";
import { logTarget } from "./log-target.ts";
import type { ContainerPlan } from "./plan-container.ts";

const defaultStopSignal = "SIGTERM";

/** The signal that stops a container: option, then image, then SIGTERM. */
export function stopSignalOf({ options, image }: ContainerPlan): string {
  return options.stopSignal ?? image?.config.config.stopSignal ?? defaultStopSignal;
}

/** What the launch depends on besides the plan of the container. */
export interface LaunchParts {
  readonly rootfs: RootfsPlan;
  readonly networkHelper: readonly string[] | undefined;
  /** Ports are to be published before the program starts. */
  readonly hold: boolean;
  readonly stay?: string | undefined;
  readonly terminal: TerminalSize | undefined;
  readonly seccompFilter: Uint8Array | undefined;
  readonly health?: HealthLaunch | undefined;
  /** How many restarts in a row have led to short lives; missing: none. */
  readonly restartStreak?: number | undefined;
  /** Directory of its control group; missing: it has none. */
  readonly cgroup?: string | undefined;
  /** It goes with this process; missing: no. */
  readonly isEphemeral?: boolean | undefined;
  /** How many descriptors of this process the program gets; missing: none. */
  readonly preserve?: number | undefined;
  /** The native session takes over: SESSION in native/protocol.h. */
  readonly session?: LaunchContext["session"];
}

/** Whether volumes go with it. */
function hasOwnVolumes({ volumes }: ContainerPlan): boolean {
  return volumes.some(({ name }) => name === undefined);
}

/** Everything about a launch that is not in the bundle. */
export function launchContext(
  context: EngineContext,
  planned: ContainerPlan,
  parts: LaunchParts,
): LaunchContext {
  const { id, name, imageName, image, options } = planned;
  const { containers } = context.store;
  const dir = containers.dir(id);
  const restarts = hasRestartPolicy(options.restart);
  const { isEphemeral = false } = parts;
  return {
    id,
    ...parts,
    runDir: containers.runDir(id),
    exitFile: path.join(dir, exitFileName),
    pidFile: options.pidFile,
    log: logTarget(context, { id, name, imageName, imageId: image?.id, options }),
    foreground: !options.detach,
    forwardStdin: options.interactive,
    detachKeys: Uint8Array.from(options.detachKeys ?? defaultDetachKeys),
    stopSignal: parseSignal(stopSignalOf(planned)),
    stopTimeoutMs: options.stopTimeout * 1000,
    timeoutMs: options.timeout === undefined ? undefined : options.timeout * 1000,
    events: monitorEvents(context.events, planned, [
      "init",
      "start",
      "died",
      ...(parts.cgroup === undefined ? [] : (["oom"] as const)),
      ...(parts.health === undefined ? [] : (["health_status"] as const)),
      ...(parts.session === undefined && !isEphemeral ? [] : (["remove"] as const)),
    ]),
    removeTree: options.remove || isEphemeral ? dir : undefined,
    cleanup:
      options.remove || restarts || isEphemeral || mayRestart(parts.health?.policy)
        ? cleanupCommand(context, id, { remove: isEphemeral })
        : undefined,
    ephemeral: isEphemeral
      ? // The monitor leaves what it may not remove to the clean-up command.
        { removedMark: hasOwnVolumes(planned) ? "" : containers.removedMark(id) }
      : undefined,
    restartDelay: restarts
      ? {
          afterShortLife: restartDelay(parts.restartStreak ?? 0),
          longLife: longLifeMs,
          afterLongLife: restartDelay(0),
        }
      : undefined,
  };
}
