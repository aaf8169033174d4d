import type { ExitRecord } from "../../container/exit-record.ts";
import { findLiveProcess } from "../../container/liveness.ts";
import { sendMonitorCommand } from "../../container/monitor-control.ts";
import { hasRestartPolicy, longLifeMs, shouldRestart } from "../../container/restart-policy.ts";
import type { ContainerState } from "../../container/state.ts";
import { bootId } from "../../platform/boot-id.ts";
import type { ContainerPatch, ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";

/** What a policy's restart changes in the record; undefined: there is none. */
export function nextLife(
  record: ContainerRecord,
  exit: ExitRecord | undefined,
): ContainerPatch | undefined {
  const { restarts = 0, restartStreak = 0, stoppedByUser = false, startedAt } = record;
  const life = { exitCode: exit?.exitCode, restarts, stoppedByUser };
  const isWanted = exit?.isRestartWanted === true && !stoppedByUser;
  if (!isWanted && !shouldRestart(record.options.restart, life)) return undefined;
  const lasted =
    exit === undefined || startedAt === undefined
      ? 0
      : Date.parse(exit.finishedAt) - Date.parse(startedAt);
  return {
    restarts: restarts + 1,
    restartStreak: lasted >= longLifeMs ? 1 : restartStreak + 1,
  };
}

/**
 * Whether somebody is left who has yet to ask the restart policy of a container that is not up: its
 * monitor, which waits, or the command that this has become, which is the same process.
 */
export function isPolicyDue(context: EngineContext, record: ContainerRecord): boolean {
  if (!hasRestartPolicy(record.options.restart) || record.bootId !== bootId()) return false;
  return findLiveProcess(context.store.containers.runDir(record.id), "monitor") !== undefined;
}

/** Its monitor, if that waits to ask the policy, goes without asking; otherwise nothing happens. */
export function endWait(context: EngineContext, record: ContainerRecord): void {
  sendMonitorCommand(context.store.containers.runDir(record.id), { kind: "give-up" });
}

/** Whether a container has ended and is about to be started again by its restart policy. */
export function isRestarting(
  context: EngineContext,
  record: ContainerRecord,
  state: ContainerState,
): boolean {
  if (state.status !== "exited" || !isPolicyDue(context, record)) return false;
  return nextLife(record, state.exit) !== undefined;
}
