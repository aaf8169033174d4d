import { existsSync, readFileSync } from "node:fs";
import { type ExitRecord, readExitRecord } from "./exit-record.ts";
import { findLiveInit, findLiveProcess, type ProcessIdentity } from "./liveness.ts";

/** States of the OCI runtime specification, as Podman shows them. */
export type ContainerState =
  | { readonly status: "created" }
  /** All is set up, and its init waits for whoever starts it. */
  | { readonly status: "initialized"; readonly pid: number }
  | { readonly status: "running"; readonly pid: number }
  /** Its init is stopped: SIGSTOP from outside is the only way (pid_namespaces(7)). */
  | { readonly status: "paused"; readonly pid: number }
  | { readonly status: "exited"; readonly exit: ExitRecord }
  /** It was started and is gone, and nobody could write down how: kill -9 of the monitor, reboot. */
  | {
      readonly status: "exited";
      readonly exit: undefined;
      /** Its init, which has outlived the monitor and is to be ended: {@link endOrphan}. */
      readonly orphan?: ProcessIdentity | undefined;
    };

/** What is needed to find the state of a container out. */
export interface StateSources {
  /** `containers/<id>` */
  readonly dir: string;
  /** The volatile directory of this container. */
  readonly runDir: string;
  /** Boot id under which it was started last; missing: never started. */
  readonly bootId: string | undefined;
  readonly currentBootId: string;
}

/** Name of the file in the volatile directory that says so, with the id of the boot. */
export const initializedFileName = "initialized";

/** Name of the monitor's exit file in `containers/<id>`. */
export const exitFileName = "exit";

/**
 * The truth about a container, from the kernel: a live monitor with a live init means running;
 * an exit file means exited with that status; neither, after a start, means exited with a status
 * that is unknown and is said to be so.
 */
export function readContainerState(sources: StateSources): ContainerState {
  const held = findInitialized(sources);
  if (held !== undefined) return { status: "initialized", pid: held };
  if (sources.bootId === undefined) return { status: "created" };
  if (sources.bootId === sources.currentBootId) {
    const init = findLiveInit(sources.runDir);
    // Without its monitor nobody would notice the end of init, so both have to live.  The kernel
    // kills init then (PR_SET_PDEATHSIG), unless it has become another user: prctl(2).
    if (init !== undefined) {
      if (findLiveProcess(sources.runDir, "monitor") === undefined) {
        return { status: "exited", exit: undefined, orphan: init };
      }
      return { status: init.isStopped ? "paused" : "running", pid: init.pid };
    }
  }
  const exit =
    readExitRecord(`${sources.dir}/${exitFileName}`) ??
    // The store had no room for it.
    readExitRecord(`${sources.runDir}/${exitFileName}`);
  return { status: "exited", exit };
}

/** Under which boot a container was initialized, if it is: its id. */
export function readInitialized(runDir: string): string | undefined {
  const file = `${runDir}/${initializedFileName}`;
  // An exception costs ten times as much, and of a thousand stopped containers none has the file.
  if (!existsSync(file)) return undefined;
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It has been started just now.
    return undefined;
  }
}

/** Init of a container that is initialized. */
function findInitialized({ runDir, currentBootId }: StateSources): number | undefined {
  if (readInitialized(runDir) !== currentBootId) return undefined;
  const init = findLiveInit(runDir);
  return init !== undefined && findLiveProcess(runDir, "monitor") !== undefined
    ? init.pid
    : undefined;
}
