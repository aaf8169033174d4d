import { existsSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { findLiveInit } from "../../container/liveness.ts";
import { endOrphan } from "../../container/orphan.ts";
import { readInitialized } from "../../container/state.ts";
import { TsmanError } from "../../errors/index.ts";
import { bootId } from "../../platform/boot-id.ts";
import { type FileLock, tryLockFile } from "../../platform/file-lock.ts";
import type { ContainerRecord } from "../../store/containers.ts";
import type { EngineContext } from "../context.ts";
import { containerState, isUp } from "./find-container.ts";

/** Milliseconds between two looks at a container that another command works on. */
export const busyDelay = 10;
/** Milliseconds for what that command does, where the wait is only for a better error. */
const removalPatience = 10_000;

/**
 * Takes the lock of a container that does not run: as long as it is held nobody can start or remove
 * the container.
 *
 * @returns undefined when it is taken: the container runs, or another command works on it.
 * @throws TsmanError CONTAINER_NOT_FOUND when the container was removed meanwhile.
 */
export function tryLockContainer(
  context: EngineContext,
  record: ContainerRecord,
): FileLock | undefined {
  const { containers } = context.store;
  const runDir = containers.ensureRunDir(record.id);
  let lock: FileLock | undefined;
  try {
    lock = tryLockFile(containers.lockPath(record.id));
  } catch (error) {
    // A removal has taken the directory away in between.
    if (existsSync(runDir)) throw error;
  }
  if (containers.has(record.id)) {
    if (lock !== undefined) endRemains(context, record, runDir);
    return lock;
  }
  // Ours to remove only if nobody else is at it.
  if (lock !== undefined) {
    rmSync(runDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
    lock.release();
  }
  throw removedMeanwhile(record);
}

/**
 * Nothing of a container may run when its lock is free.  A monitor that is just being killed lets go
 * of it before the kernel shows it as dead, so that only its init counts here.
 */
function endRemains(context: EngineContext, record: ContainerRecord, runDir: string): void {
  const init = isOfThisBoot(record, runDir) ? findLiveInit(runDir) : undefined;
  if (init !== undefined) endOrphan(init);
  containerState(context, record);
}

/**
 * Where the volatile directory outlives a boot, its pids and start times, which count from the boot,
 * may be those of anybody.
 */
function isOfThisBoot(record: ContainerRecord, runDir: string): boolean {
  // Of one that is initialized the record says nothing.
  const boot = readInitialized(runDir) ?? record.bootId;
  return boot === undefined || boot === bootId();
}

/**
 * Like {@link tryLockContainer}, but waits for other commands to be done.
 *
 * @returns undefined when the container runs.
 */
export async function lockIdleContainer(
  context: EngineContext,
  record: ContainerRecord,
  signal?: AbortSignal,
): Promise<FileLock | undefined> {
  for (;;) {
    const lock = tryLockContainer(context, record);
    if (lock !== undefined) return lock;
    // As it is now: another command may have started it since, for the first time even.
    const now = context.store.containers.find(record.id);
    if (now === undefined) throw removedMeanwhile(record);
    const state = containerState(context, now);
    if (isUp(state)) return undefined;
    if (state.status === "initialized") throw initialized(now);
    await delay(busyDelay, undefined, { signal });
  }
}

function initialized(record: ContainerRecord): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_RUNNING",
    `use container ${record.name}: it is initialized, and does not run`,
    {
      hint: `start it with: tsman start ${record.name}; or put it back with: tsman stop ${record.name}`,
      details: { container: record.id },
    },
  );
}

/**
 * Whether another command has removed a container, or its files, while this one worked on it, which
 * may be why that has failed; a removal that is under way is waited for, some seconds.
 */
export async function wasRemoved(
  context: EngineContext,
  record: ContainerRecord,
): Promise<boolean> {
  const { containers } = context.store;
  // A removal takes the files first, and holds the lock until the record has gone too.
  const signal = AbortSignal.timeout(removalPatience);
  const lock = await lockIdleContainer(context, record, signal).catch(() => undefined);
  lock?.release();
  // The record stays where the removal was killed.
  return !containers.has(record.id) || !existsSync(containers.dir(record.id));
}

/** The error for a container that another command has removed while this one worked on it. */
export function removedMeanwhile(record: ContainerRecord): TsmanError {
  return new TsmanError(
    "CONTAINER_NOT_FOUND",
    `find container ${record.name}: another command has removed it`,
    { details: { container: record.id } },
  );
}

/** The error for one whose removal was killed after it had taken the files away. */
export function halfRemoved(action: string, record: ContainerRecord, cause: unknown): TsmanError {
  return new TsmanError(
    "PREFLIGHT_STORAGE",
    `${action} container ${record.name}: its files are gone, as after a removal that was killed`,
    {
      hint: `remove what is left of it: tsman rm ${record.name}`,
      cause,
      details: { container: record.id },
    },
  );
}
