import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { ContainerState } from "../../container/state.ts";
import { isTsmanError, TsmanError } from "../../errors/index.ts";
import type { FileLock } from "../../platform/file-lock.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { discardTree } from "../discard-tree.ts";
import { volumeUsers } from "../system/volume-users.ts";
import { containerEvent } from "./container-events.ts";
import { type AskedToEnd, askToEnd } from "./end-container.ts";
import { containerState, getContainer, isUp } from "./find-container.ts";
import { busyDelay, tryLockContainer } from "./lock-container.ts";
import { endWait, isPolicyDue, isRestarting, nextLife } from "./next-life.ts";

/** How {@link removeContainer} goes about it. */
export interface RemoveOptions {
  /** End it first if it runs. */
  readonly force?: boolean | undefined;
  /**
   * With `force`: seconds from its stop signal to SIGKILL, negative: never; missing: the container's
   * own.  One that is paused is killed at once.
   */
  readonly timeout?: number | undefined;
  /** Remove its anonymous volumes too. */
  readonly volumes?: boolean | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Removes a container with all that belongs to it; one that another command works on is waited for.
 *
 * @throws TsmanError CONTAINER_NOT_FOUND, CONTAINER_RUNNING
 */
export async function removeContainer(
  context: EngineContext,
  nameOrId: string,
  options: RemoveOptions = {},
): Promise<void> {
  const { id } = getContainer(context, nameOrId);
  let asked: { readonly life: string; readonly end: AskedToEnd } | undefined;
  for (;;) {
    // As it is now: another command may have started it since, for the first time even.
    const record = getContainer(context, id);
    const lock = tryLockContainer(context, record);
    if (lock !== undefined) {
      const state = containerState(context, record);
      // Between its lives nobody holds the lock: whether it is refused must not be a matter of luck.
      if (options.force !== true && isRestarting(context, record, state)) {
        lock.release();
        throw isLiving(record, restartingLife);
      }
      const warning = asked?.end.warning(state.status === "exited" ? state.exit : undefined);
      if (warning !== undefined) options.onWarning?.(warning);
      try {
        await discardContainer(context, record, { volumes: options.volumes, lock });
        return;
      } finally {
        lock.release();
      }
    }
    const state = containerState(context, record);
    const life = lifeOf(context, record, state);
    if (life !== undefined && !options.force) {
      throw isLiving(record, life);
    }
    // As with Podman, no program is ended by that.
    if (state.status === "initialized") askToEnd(context, record, 0);
    // Its policy has nothing to say: nobody need wait until it is asked.  Not of one that is just
    // being started: the next time it would be the policy's turn.
    const isOver = state.status === "exited" && nextLife(record, state.exit) === undefined;
    if (isOver && isPolicyDue(context, record)) endWait(context, record);
    // Once for each life: another command may start it again in between.
    if (life !== undefined && life !== asked?.life) {
      const end = askToEnd(context, record, patience(context, record, options));
      if (end.isHeard) asked = { life, end };
    }
    await delay(busyDelay);
  }
}

const restartingLife = "about to be started again";

function isLiving(record: ContainerRecord, life: string): TsmanError {
  return new TsmanError("CONTAINER_RUNNING", `remove container ${record.name}: it is ${life}`, {
    hint: `stop it first, or remove it all the same with: tsman rm --force ${record.name}`,
    details: { container: record.id },
  });
}

/** What a container that is not over is doing; undefined: it is over, or being made. */
function lifeOf(
  context: EngineContext,
  record: ContainerRecord,
  state: ContainerState,
): string | undefined {
  if (isUp(state)) return `${state.status}, with pid ${state.pid}`;
  return isRestarting(context, record, state) ? restartingLife : undefined;
}

/** Seconds that it has for its own end. */
function patience(
  context: EngineContext,
  record: ContainerRecord,
  { timeout }: RemoveOptions,
): number {
  // Who is paused, or is not there, hears nothing but SIGKILL.
  if (containerState(context, record).status !== "running") return 0;
  return timeout ?? record.options.stopTimeout;
}

/** Looks at the lock of a container whose monitor is ending, {@link busyDelay} apart. */
const looks = 20;

/**
 * Removes a container whose start has failed, or whose monitor was killed, with the program that this
 * has left, unless another command has taken it over, or removed it, since.
 */
export async function discardFailed(
  context: EngineContext,
  record: ContainerRecord,
): Promise<void> {
  const { containers } = context.store;
  // Whoever removed it may have been at its directory before that was made.
  const discardRest = async () => await discardTree(context, containers.dir(record.id));
  if (!containers.has(record.id)) return await discardRest();
  let lock: FileLock | undefined;
  try {
    lock = tryLockContainer(context, record);
    for (let left = looks; lock === undefined && left > 0; left -= 1) {
      await delay(busyDelay);
      lock = tryLockContainer(context, record);
    }
  } catch (error) {
    if (isTsmanError(error, "CONTAINER_NOT_FOUND")) return await discardRest();
    throw error;
  }
  if (lock === undefined) return;
  try {
    await discardContainer(context, record, { volumes: true, lock });
  } finally {
    lock.release();
  }
}

/**
 * Removes what a container that does not run has left; its lock must be held, or nobody else able to
 * start it.  The record goes near the end: whoever is killed before leaves a container that can be
 * removed again, and whoever is killed after it a directory that the next clean-up finds.  The lock
 * goes last, so that no start gets in between.
 *
 * @param options.lock the container's, where it is held: files that are still being removed when this
 * process is killed must not be found by a start.
 */
export async function discardContainer(
  context: EngineContext,
  record: ContainerRecord,
  options: Pick<RemoveOptions, "volumes"> & { readonly lock?: FileLock | undefined } = {},
): Promise<void> {
  const { containers, volumes } = context.store;
  const { lock } = options;
  if (options.volumes && record.anonymousVolumes.length > 0) {
    const users = volumeUsers(context);
    for (const name of record.anonymousVolumes) {
      // Another container has taken it over; with that one gone it is nobody's: system prune.
      if (users.get(name)?.some((id) => id !== record.id) === true) continue;
      await discardTree(context, volumes.dir(name), lock);
      volumes.remove(name);
    }
  }
  await discardTree(context, containers.dir(record.id), lock);
  if (containers.remove(record.id)) context.events.emit(containerEvent("remove", record));
  // A start that is being given up may still be writing there.
  const retry = { maxRetries: 10, retryDelay: 10 };
  rmSync(containers.runDir(record.id), { recursive: true, force: true, ...retry });
  context.store.ensureReserve();
}
